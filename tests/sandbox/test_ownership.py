"""Whose things are whose: a provider touches nothing of another one."""

import pytest

from tests.sandbox import raw
from tests.sandbox.raw import BOOK, OTHER_BOOK, Caller, Place

OURS = Place()


@pytest.mark.parametrize(
    "content",
    [
        Place().registration(),
        Place(book=OTHER_BOOK).registration(provider=BOOK),
        OURS.mobile_point(),
        OURS.working(),
        OURS.slots(raw.slot("s1")),
        OURS.activation(),
        raw.saving(raw.visit("theirs", "s2")),
        raw.saving(raw.visit("ours", "t1")),
        raw.loading(raw.visit("theirs", "s2")),
        raw.loading(raw.visit("ours", "t1")),
        raw.cancelling("ours"),
        raw.fetching("ours"),
    ],
)
def test_another_provider_is_refused(cer: Caller, other: Caller, content: str) -> None:
    """By the fault that P1 has for it, and nothing changes."""
    raw.opened(cer, OURS)
    cer.accepted(raw.saving(raw.visit("ours", "s1")))
    raw.opened(other, Place(book=OTHER_BOOK), slots=("t1",))
    before = cer.send(raw.asking_for_changes()).content
    answer = other.send(content)
    assert (answer.status, answer.code) == (500, "brakUprawnienPodmiotu")
    assert cer.send(raw.asking_for_changes()).content == before


def test_a_known_identifier_of_another_provider_cannot_be_taken(cer: Caller, other: Caller) -> None:
    """Points, schedules and slots stay with whom they belong to, even if another one names them under its place."""
    raw.opened(cer, OURS)
    theirs = Place(book=OTHER_BOOK)
    raw.opened(other, theirs, slots=("t1",))
    stolen_point = Place(book=OTHER_BOOK, point=OURS.point)
    stolen_schedule = Place(book=OTHER_BOOK, point=theirs.point, schedule=OURS.schedule)
    contents = (
        stolen_point.mobile_point(),
        stolen_point.working(),
        stolen_schedule.working(),
        theirs.slots(raw.slot("s1")),
    )
    for content in contents:
        assert other.send(content).code == "brakUprawnienPodmiotu"


def test_what_another_provider_told_is_unknown(cer: Caller, other: Caller) -> None:
    """Its messages as well as its visits."""
    place = raw.opened(cer, OURS)
    cer.accepted(place.registration("known"), raw.saving(raw.visit("ours", "s1")))
    asked = raw.question("pobierzStanKomunikatu", raw.identifier("identyfikatorKomunikatu", "known", namespace=""))
    assert cer.send(asked).texts("stanKomunikatu") == ["PRZYJETY"]
    assert other.send(asked).texts("stanKomunikatu") == ["NIEZNANY"]
    assert other.send(raw.asking_for_changes()).texts("wizyta") == []


def test_the_same_message_identifier_of_two_providers_means_two_messages(cer: Caller, other: Caller) -> None:
    """Each numbers its own."""
    cer.accepted(OURS.registration("same"))
    other.accepted(Place(book=OTHER_BOOK).registration("same"))
