"""The life of a visit."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.errors import DomainError
from mobile_units.rules.visits import ACTIVE, OCCUPYING, TRANSITIONS, VisitStatus, require_transition

FINAL = {VisitStatus.CANCELLED, VisitStatus.MOVED}
statuses = st.sampled_from(VisitStatus)

ALLOWED = {
    "held": "booked cancelled",
    "booked": "confirmed arrived performed not_performed no_show cancelled moved",
    "confirmed": "arrived performed not_performed no_show cancelled moved",
    "arrived": "performed not_performed no_show cancelled moved",
    "performed": "not_performed no_show",
    "not_performed": "performed no_show",
    "no_show": "performed not_performed arrived",
    "cancelled": "",
    "moved": "",
}


def reachable(start: VisitStatus) -> set[VisitStatus]:
    """Every status that a visit beginning as `start` can come to."""
    seen, waiting = {start}, [start]
    while waiting:
        new = TRANSITIONS[waiting.pop()] - seen
        seen |= new
        waiting += new
    return seen


@pytest.mark.parametrize(("current", "new"), list(product(VisitStatus, VisitStatus)))
def test_exactly_the_listed_changes_are_allowed(current: VisitStatus, new: VisitStatus) -> None:
    """Whatever is not in the table is refused with both statuses named."""
    if new in ALLOWED[current].split():
        require_transition(current, new)
        return
    with pytest.raises(DomainError) as refused:
        require_transition(current, new)
    assert refused.value.code == "transition_not_allowed"
    assert refused.value.facts == {"from_status": current.value, "to_status": new.value}


def test_every_status_has_its_row_and_can_be_reached() -> None:
    """A reservation can become anything, and nothing leads back to it."""
    assert set(TRANSITIONS) == set(VisitStatus)
    assert reachable(VisitStatus.HELD) == set(VisitStatus)
    assert reachable(VisitStatus.BOOKED) == set(VisitStatus) - {VisitStatus.HELD}


@given(st.sampled_from([VisitStatus.HELD, VisitStatus.BOOKED]), st.lists(statuses, max_size=30))
def test_a_place_given_up_is_never_taken_again(status: VisitStatus, wishes: list[VisitStatus]) -> None:
    """Whatever is tried in whatever order, a visit that left its slot does not come back to it."""
    history = [status]
    for wish in wishes:
        if wish in TRANSITIONS[history[-1]]:
            history.append(wish)
    occupied = [status in OCCUPYING for status in history]
    assert occupied == sorted(occupied, reverse=True)


def test_only_cancelling_and_moving_free_the_place() -> None:
    """An examination done, refused or missed keeps its place; only visits still to come count as parallel."""
    assert set(VisitStatus) - OCCUPYING == FINAL
    assert ACTIVE < OCCUPYING
    assert {VisitStatus.PERFORMED, VisitStatus.NOT_PERFORMED, VisitStatus.NO_SHOW} == OCCUPYING - ACTIVE


def test_the_table_cannot_be_changed() -> None:
    """Nobody adds a transition at run time."""
    with pytest.raises(TypeError):
        TRANSITIONS[VisitStatus.MOVED] = frozenset(VisitStatus)  # type: ignore[index]  # what the test is about


def test_a_refused_change_is_told_in_words() -> None:
    """A midwife reads Polish names of statuses, not codes."""
    with pytest.raises(DomainError) as refused:
        require_transition(VisitStatus.NO_SHOW, VisitStatus.CANCELLED)
    assert refused.value.sentence("pl") == (
        "Wizyta o statusie „pacjentka nie przyszła” nie może przejść w status „odwołana”."
    )
    assert refused.value.sentence("en") == "A visit that is no_show cannot become cancelled."
