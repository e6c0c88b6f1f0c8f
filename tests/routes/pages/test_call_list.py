"""The call list: whom to call and what to say, and what came of it with one click."""

import re

import pytest
from flask import Flask
from sqlalchemy import Engine

from mobile_units import db
from mobile_units.models.messages import CallResult, MessageToWoman
from mobile_units.rules.messages import NoticeKind
from mobile_units.rules.roles import Role
from mobile_units.services.actors import Actor
from mobile_units.services.messages_to_women import notify
from tests import factories_messages as make
from tests.routes.pages.browser import Browser, browser
from tests.statements import counted

HOSTILE = "<b>Anna</b>"


@pytest.fixture
def midwife(app: Flask, engine: Engine) -> Browser:
    """A midwife, signed in."""
    person = browser(app, engine, Role.MIDWIFE)
    person.sign_in()
    return person


def to_call(engine: Engine, midwife: Browser) -> int:
    """The key of a message of which a woman without consents has to be told."""
    provider_id = midwife.user.provider_id
    with db.transaction(engine) as session:
        make.named(session, provider_id)
        visit = make.visit(session, provider_id)
        visit.woman.family_name, visit.woman.telephone = HOSTILE, "+48426301234"
        notify(session, Actor(provider_id), visit, NoticeKind.BOOKED)
        return max(row.id for row in make.messages(session, provider_id))


def test_a_call_is_recorded_with_one_click(midwife: Browser, engine: Engine) -> None:
    """Who did not answer stays with the number of calls; who knows leaves the list; told twice is refused in place."""
    key = to_call(engine, midwife)
    page = midwife.get("/calls").text
    assert "&lt;b&gt;Anna&lt;/b&gt;" in page
    assert HOSTILE not in page
    assert 'href="tel:+48426301234"' in page
    assert re.search(r'<p class="say" lang="pl">[^<]+</p>', page)
    for result, left in (("no_answer", True), ("wrong_number", True), ("told", False)):
        assert midwife.submit(f"/calls/{key}", result=result).status_code == 303
        assert (f'action="/calls/{key}"' in midwife.get("/calls").text) is left
    assert "Nie trzeba do nikogo dzwonić" in midwife.get("/calls").text
    again = midwife.submit(f"/calls/{key}", result="told")
    assert (again.status_code, "<h1>Telefony</h1>" in again.text) == (409, True)
    assert midwife.submit(f"/calls/{key}", result="never").status_code == 422
    with db.transaction(engine) as session:
        row = session.get_one(MessageToWoman, key)
        assert (row.calls, row.call_result, row.called_by_id) == (3, CallResult.TOLD, midwife.user.id)


def test_those_who_perhaps_know_are_marked_and_kinds_can_be_chosen(midwife: Browser, engine: Engine) -> None:
    """A machine may have told her already."""
    key = to_call(engine, midwife)
    assert "Być może już wie" not in midwife.get("/calls").text
    with db.transaction(engine) as session:
        session.get_one(MessageToWoman, key).perhaps_arrived = True
    assert "Być może już wie" in midwife.get("/calls?kind=booked").text
    assert f"/calls/{key}" not in midwife.get("/calls?kind=moved").text
    assert midwife.get("/calls?kind=never").status_code == 422


def test_only_midwives_of_the_provider_call(app: Flask, engine: Engine, midwife: Browser) -> None:
    """Nobody else reads names or records calls."""
    key = to_call(engine, midwife)
    clerk = browser(app, engine, *(set(Role) - {Role.MIDWIFE}), provider_id=midwife.user.provider_id)
    stranger = browser(app, engine, Role.MIDWIFE)
    for person, status in ((clerk, 403), (stranger, 404)):
        person.sign_in()
        assert f"/calls/{key}" not in person.get("/calls").text
        assert person.submit(f"/calls/{key}", result="told").status_code == status
    with db.transaction(engine) as session:
        assert session.get_one(MessageToWoman, key).calls == 0


def test_more_calls_cost_no_more_statements_each_than_their_texts(midwife: Browser, engine: Engine) -> None:
    """The list itself is read at once; each text is made from what is true now."""
    to_call(engine, midwife)
    costs = []
    for _ in range(3):
        with counted(midwife.app.extensions["engine"]) as sent:
            midwife.get("/calls")
        costs.append(len(sent))
        to_call(engine, midwife)
    assert costs[2] - costs[1] == costs[1] - costs[0] <= 5
