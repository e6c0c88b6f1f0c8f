"""Merging a woman who was kept twice: for who is both midwife and administrator, with a preview and a reason."""

import re

import pytest
from flask import Flask
from sqlalchemy import Engine

from mobile_units import db
from mobile_units.models.women import Woman
from mobile_units.rules.roles import Role
from tests import factories_booking as booking
from tests.routes.pages.browser import Browser, browser


@pytest.fixture
def keeper(app: Flask, engine: Engine) -> Browser:
    """A midwife who is an administrator, signed in."""
    person = browser(app, engine, Role.MIDWIFE, Role.ADMINISTRATOR)
    person.sign_in()
    return person


def twice(engine: Engine, keeper: Browser) -> list[tuple[int, str]]:
    """Keys and numbers of two rows."""
    with db.transaction(engine) as session:
        made = [booking.woman(session, keeper.user.provider_id) for _ in range(2)]
        return [(woman.id, woman.identity_number) for woman in made]


def test_two_numbers_are_found_compared_and_merged(keeper: Browser, engine: Engine) -> None:
    """Under the key of the one who was merged the other is shown from then on."""
    (kept, kept_number), (merged, merged_number) = twice(engine, keeper)
    keeper.get("/women/merge")
    found = keeper.submit("/women/merge", kept_pesel=kept_number, merged_pesel=merged_number)
    assert found.headers["Location"] == f"/women/merge?kept={kept}&merged={merged}"
    preview = keeper.get(found.headers["Location"]).text
    fields = dict(re.findall(r'name="((?:kept|merged)_version)" value="(\d+)"', preview))
    act = f"/women/merge/{kept}/{merged}"
    without = keeper.submit(act, **fields, reason="")
    assert without.status_code == 422
    assert keeper.submit(act, **(fields | {"kept_version": "7"}), reason="ta sama osoba").status_code == 409
    assert keeper.submit(act, **fields, reason="ta sama osoba").headers["Location"] == f"/women/{kept}"
    assert "Dane są połączone" in keeper.get(f"/women/{kept}").text
    moved = keeper.get(f"/women/{merged}")
    assert (moved.status_code, moved.headers["Location"]) == (302, f"/women/{kept}")
    with db.transaction(engine) as session:
        assert session.get_one(Woman, merged).merged_into_id == kept


def test_an_unknown_number_is_told_at_its_side(keeper: Browser, engine: Engine) -> None:
    """The other one stays typed."""
    [(_, number), _] = twice(engine, keeper)
    keeper.get("/women/merge")
    answer = keeper.submit("/women/merge", kept_pesel=number, merged_pesel=booking.pesel())
    assert answer.status_code == 404
    assert answer.text.count("Nie ma takiej osoby w bazie.") == 1
    assert f'value="{number}"' in answer.text
    same = keeper.submit("/women/merge", kept_pesel=number, merged_pesel=number)
    assert keeper.get(same.headers["Location"]).status_code == 422


def test_it_takes_both_roles_and_the_own_provider(app: Flask, engine: Engine, keeper: Browser) -> None:
    """Neither a midwife alone nor an administrator alone, nor anybody elsewhere."""
    (kept, number), (merged, _) = twice(engine, keeper)
    provider_id = keeper.user.provider_id
    people = [
        (browser(app, engine, Role.MIDWIFE, provider_id=provider_id), 403),
        (browser(app, engine, *(set(Role) - {Role.MIDWIFE}), provider_id=provider_id), 403),
        (browser(app, engine), 404),
    ]
    for person, status in people:
        person.sign_in()
        assert person.get(f"/women/merge?kept={kept}&merged={merged}").status_code == status
        fields = {"kept_version": "1", "merged_version": "1", "reason": "powód"}
        assert person.submit(f"/women/merge/{kept}/{merged}", **fields).status_code == status
        assert person.submit("/women/merge", kept_pesel=number, merged_pesel=number).status_code == status
    with db.transaction(engine) as session:
        assert session.get_one(Woman, merged).merged_into_id is None
