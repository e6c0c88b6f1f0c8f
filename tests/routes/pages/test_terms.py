"""The terms of the objective as a table shows them."""

from dataclasses import replace

import pytest

from mobile_units.planning.problem import Objective, Weights
from routes.pages.terms import KINDS, terms

FOUND = Objective(
    women=800, women_weighted=900.0, women_due=1000, km=500.0, km_crews=200.0, unit_days=60, unit_days_used=50,
    uneven_days=2.5, weights=Weights(km_per_woman=10.0, crew_km_share=0.5, women_per_uneven_day=0.2),
)  # fmt: skip


def test_what_the_terms_are_worth_adds_up_to_the_value() -> None:
    """Women count by weight, kilometres and uneven load are taken off; the last row is the sum."""
    *parts, total = terms(FOUND)
    worth = {term.name: term.worth for term in parts if term.worth is not None}
    assert worth == {
        "Kobiety z wagą": 900.0, "Kilometry jednostek": -50.0, "Kilometry zespołów": -10.0, "Nierówność": -0.5,
    }  # fmt: skip
    assert total.worth == pytest.approx(sum(worth.values()))
    assert total.amount == FOUND.value


def test_notes_tell_the_weights() -> None:
    """What a kilometre and a day cost by the weights of this plan."""
    notes = " ".join(term.note for term in terms(FOUND))
    for told in ("10 km to jedna kobieta mniej", "jak 0,5 km jednostki", "ile 0,2 kobiety"):
        assert told in notes


def test_a_difference_is_judged_by_what_is_better() -> None:
    """More women and fewer kilometres are good; days of work are neither; what is shown as nothing is nothing."""
    other = replace(FOUND, women=700, km=400.0, km_crews=200.4, unit_days_used=40, uneven_days=3.0)
    found = {term.name: (term.difference, term.verdict) for term in terms(FOUND, other)}
    told = ("Kobiety", "Kilometry jednostek", "Kilometry zespołów", "Dni pracy", "Nierówność")
    assert [found[name] for name in told] == [(100, "good"), (100, "bad"), (0, ""), (10, ""), (-0.5, "good")]


def test_parts_are_told_with_their_whole() -> None:
    """Women of those due, days of those there are; without another plan there is nothing to compare with."""
    found = terms(FOUND)
    assert {term.name: term.of for term in found if term.of} == {"Kobiety": 1000, "Dni pracy": 60}
    assert len(found) == len(KINDS)
    assert {term.other for term in found} == {None}
