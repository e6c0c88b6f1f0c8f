"""Reasons for sites left out."""

from datetime import date

from mobile_units.planning.explain import explain_unserved
from mobile_units.planning.problem import PlannedStop
from mobile_units.rules.programmes import Programme
from tests.planning.meridian import problem, site, unit

ALL_DAYS = tuple(date(2026, 11, day) for day in (9, 10, 12, 13, 16))


def test_a_served_site_needs_no_reason() -> None:
    """The mammobus comes, and nobody is due for anything else."""
    asked = problem([unit(1)], [site(10, 52.0, breast=50)])
    assert explain_unserved(asked, [PlannedStop(1, 10, ALL_DAYS[:1], 50)]) == ()


def test_nobody_is_due() -> None:
    """Said once for the site, not for every programme."""
    (entry,) = explain_unserved(problem([unit(1)], [site(10, 52.0)]), [])
    assert (entry.site_id, entry.code, entry.programme) == (10, "no_women_due", None)
    assert entry.reason_en == "no women due"
    assert entry.reason_pl == "brak kobiet do zbadania"


def test_no_unit_offers_the_programme() -> None:
    """Even at a place where the mammobus stands, the women due for cytology are told of."""
    asked = problem([unit(1)], [site(10, 52.0, breast=50, cervical=30)])
    (entry,) = explain_unserved(asked, [PlannedStop(1, 10, ALL_DAYS[:1], 50)])
    assert (entry.code, entry.programme) == ("no_unit_for_programme", Programme.CERVICAL)
    assert entry.reason_en == "no unit with cytology or HPV tests"
    assert entry.reason_pl == "brak jednostki z cytologią lub testem HPV"


def test_all_days_of_the_units_are_used() -> None:
    """The days went to a place with more women."""
    asked = problem([unit(1)], [site(10, 52.0, breast=900), site(20, 53.0, breast=5)])
    (entry,) = explain_unserved(asked, [PlannedStop(1, 10, ALL_DAYS, 290)])
    assert (entry.site_id, entry.code) == (20, "no_unit_days_left")
    assert "more women per day" in entry.reason_en


def test_days_are_left_but_the_way_is_too_long() -> None:
    """A unit with free days could come."""
    asked = problem([unit(1)], [site(10, 52.0, breast=50), site(20, 53.0, breast=1)])
    (entry,) = explain_unserved(asked, [PlannedStop(1, 10, ALL_DAYS[:1], 50)])
    assert (entry.site_id, entry.code) == (20, "not_worth_the_way")
