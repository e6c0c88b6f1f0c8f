"""The feed of changes and the initial load."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from mobile_units.sandbox import contract
from mobile_units.sandbox.rules import Rule
from mobile_units.sandbox.server import SandboxServer
from tests.sandbox import raw
from tests.sandbox.raw import Answer, Caller


def told(answer: Answer) -> list[tuple[str, str]]:
    """The visits in an answer, and their statuses."""
    assert answer.code == "Sukces", answer.content
    assert contract.load().problem(answer.tree) is None
    return [
        (each.findtext("{*}wizyta/{*}identyfikator/{*}extension") or "", each.findtext("{*}wizyta/{*}status") or "")
        for each in answer.tree.iterfind("{*}zmiana")
    ]


def pages(cer: Caller, limit: int, cursor: str | None = None) -> Iterator[Answer]:
    """Answers until there is nothing more."""
    more = True
    while more:
        answer = cer.send(raw.asking_for_changes(cursor, limit=limit))
        yield answer
        more, cursor = answer.texts("saNastepne") == ["true"], answer.texts("znacznik")[-1]


def test_each_visit_is_told_once_in_its_last_state(cer: Caller) -> None:
    """The visit that changed longest ago comes first."""
    raw.opened(cer, places=9)
    cer.accepted(*(raw.saving(raw.visit(name, "s1")) for name in "abc"), raw.cancelling("a"))
    assert told(cer.send(raw.asking_for_changes())) == [("b", "UMOWIONA"), ("c", "UMOWIONA"), ("a", "ODWOLANA")]


def test_a_cursor_asks_for_what_came_after(cer: Caller) -> None:
    """Also if it is the same visit again."""
    raw.opened(cer, places=9)
    cer.accepted(raw.saving(raw.visit("a", "s1")), raw.saving(raw.visit("b", "s1")))
    (cursor,) = cer.send(raw.asking_for_changes()).texts("znacznik")
    nothing = cer.send(raw.asking_for_changes(cursor))
    assert (told(nothing), nothing.texts("znacznik"), nothing.texts("saNastepne")) == ([], [cursor], ["false"])
    cer.accepted(raw.cancelling("a"))
    assert told(cer.send(raw.asking_for_changes(cursor))) == [("a", "ODWOLANA")]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6])
def test_pages_tell_everything_once(cer: Caller, limit: int) -> None:
    """Whatever fits on a page."""
    raw.opened(cer, places=9)
    cer.accepted(*(raw.saving(raw.visit(name, "s1")) for name in "abcde"))
    found = [told(answer) for answer in pages(cer, limit)]
    assert [name for page in found for name, _ in page] == list("abcde")
    assert all(len(page) == limit for page in found[:-1])
    assert len(found[-1]) in range(1, limit + 1)


def test_days_are_those_of_the_slots_in_poland(cer: Caller) -> None:
    """An hour after midnight there is an hour before it in UTC."""
    place = raw.opened(cer)
    night = raw.element(
        "slot",
        raw.identifier("identyfikator", "night"),
        raw.interval(raw.OPENS.replace(day=2, hour=22, minute=30), raw.OPENS.replace(day=2, hour=22, minute=40)),
        liczbaMiejsc="1",
        rodzaj="PROCEDURA_ODPOWIEDNIA",
    )
    hours = 48
    cer.accepted(place.working(hours), place.slots(night, raw.slot("next", minutes=24 * 60)))
    cer.accepted(*(raw.saving(raw.visit(name, name)) for name in ("s1", "next", "night")))

    def on(first: str | None, last: str | None) -> list[str]:
        return [name for name, _ in told(cer.send(raw.asking_for_changes(first=first, last=last)))]

    assert on("2026-09-01", "2026-09-01") == ["s1"]
    assert on("2026-09-02", "2026-09-02") == ["next"]
    assert on("2026-09-03", None) == ["night"]
    assert on(None, "2026-09-02") == ["s1", "next"]
    assert on("2026-09-04", None) == []


def test_a_visit_moves_with_its_slot(cer: Caller) -> None:
    """The day asked about is the slot's present one."""
    place = raw.opened(cer)
    cer.accepted(raw.saving(raw.visit("v", "s1")), place.working(48), place.slots(raw.slot("s1", days=1)))
    assert told(cer.send(raw.asking_for_changes(first="2026-09-01", last="2026-09-01"))) == []
    assert told(cer.send(raw.asking_for_changes(first="2026-09-02", last="2026-09-02"))) == [("v", "UMOWIONA")]


def test_a_change_says_when_and_by_whom(cer: Caller) -> None:
    """The provider sees its own changes as such."""
    raw.opened(cer)
    cer.accepted(raw.saving(raw.visit("v", "s1")))
    answer = cer.send(raw.asking_for_changes())
    assert answer.texts("zmienionaPrzez") == ["SWIADCZENIODAWCA"]
    assert answer.texts("chwila")[0].endswith("+00:00")


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "٣", "1" * 19])
def test_an_unknown_cursor_is_refused(cer: Caller, cursor: str) -> None:
    """Rather than taken for the beginning."""
    assert cer.send(raw.asking_for_changes(cursor)).code == "niepoprawnyKomunikat"


def test_the_feed_survives_a_restart(tmp_path: Path) -> None:
    """Numbers go on where they were."""
    file = tmp_path / "state.db"
    with SandboxServer(file) as server, raw.caller(server.address) as cer:
        raw.opened(cer)
        cer.accepted(raw.saving(raw.visit("a", "s1")))
        (cursor,) = cer.send(raw.asking_for_changes()).texts("znacznik")
    with SandboxServer(file) as server, raw.caller(server.address) as cer:
        cer.accepted(raw.saving(raw.visit("b", "s2")))
        assert told(cer.send(raw.asking_for_changes(cursor))) == [("b", "UMOWIONA")]


def test_a_load_is_accepted_in_part(server: SandboxServer, cer: Caller) -> None:
    """Each visit that breaks a rule is named with the rule; the others are kept."""
    raw.opened(cer)
    woman = raw.new_woman()
    visits = [
        raw.visit("good", "s1", woman),
        raw.visit("full", "s1"),
        raw.visit("parallel", "s2", woman),
        raw.visit("nowhere", "s9"),
        raw.visit("fine", "s2"),
    ]
    answer = cer.send(raw.loading(*visits))
    assert answer.code == "Sukces"
    assert contract.load().problem(answer.tree) is None
    assert [each.findtext("{*}identyfikator/{*}extension") for each in answer.tree.iterfind("odrzuconaWizyta")] == [
        "full",
        "parallel",
        "nowhere",
    ]
    assert [each.partition(":")[0] for each in answer.texts("komunikat")] == [
        Rule.SLOT_FULL,
        Rule.PARALLEL_VISIT,
        Rule.UNKNOWN_SLOT,
    ]
    assert {code.rpartition(":")[2] for code in answer.texts("kod")} == {"BladWeryfikacjiRegul"}
    assert told(cer.send(raw.asking_for_changes())) == [("good", "UMOWIONA"), ("fine", "UMOWIONA")]


def test_a_load_can_be_repeated(server: SandboxServer, cer: Caller) -> None:
    """The answer is the same, and a visit that changed since is not set back."""
    raw.opened(cer)
    content = raw.loading(raw.visit("a", "s1"), raw.visit("b", "s1"), raw.visit("c", "s2"), message=str(uuid4()))
    first = cer.send(content)
    cer.accepted(raw.saving(raw.visit("c", "s2", status="ZREALIZOWANA")))
    (cursor,) = cer.send(raw.asking_for_changes()).texts("znacznik")
    assert cer.send(content).content == first.content
    assert told(cer.send(raw.asking_for_changes(cursor))) == []
    assert cer.send(raw.fetching("c")).texts("status") == ["ZREALIZOWANA"]


def test_a_loaded_message_is_known(cer: Caller) -> None:
    """As any other."""
    raw.opened(cer)
    cer.accepted(raw.loading(raw.visit("a", "s1"), message="load"))
    asked = raw.question("pobierzStanKomunikatu", raw.identifier("identyfikatorKomunikatu", "load", namespace=""))
    assert cer.send(asked).texts("stanKomunikatu") == ["PRZYJETY"]


def test_a_load_has_no_more_than_a_thousand_visits(server: SandboxServer, cer: Caller) -> None:
    """And takes a thousand."""
    raw.opened(cer, places=1000)
    visits = [raw.visit(f"v{number}", "s1") for number in range(1001)]
    assert cer.send(raw.loading(*visits)).code == "niepoprawnyKomunikat"
    answer = cer.send(raw.loading(*visits[:1000]))
    assert (answer.code, answer.texts("odrzuconaWizyta")) == ("Sukces", [])
    assert server.state.counts()["visits"] == 1000
