"""Edits of a draft as a person asks for them: which days, which hours, how many women, and what that changes."""

from collections import Counter
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from sqlalchemy.orm import Session

from mobile_units.clock import WARSAW
from mobile_units.models.itineraries import Itinerary, Stop
from mobile_units.models.units import MobileUnit, UnitUnavailability
from mobile_units.services import edits, planning, versions
from mobile_units.services.actors import Actor
from mobile_units.services.edits import Hours, Wish
from mobile_units.services.itineraries import DayHours, StopChange
from tests import factories_planning
from tests.factories_planning import LAST, MAMMOGRAPHY, THURSDAY, WEDNESDAY, contract, draft, site, unit
from tests.statements import refused

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)
FRIDAY, SATURDAY, MONDAY = (date(2027, 3, day) for day in (12, 13, 15))


@pytest.fixture
def mammobus(session: Session, actor: Actor) -> MobileUnit:
    """A unit that works on weekdays from 8:00 to 10:00, six women on the first day and twelve on others."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 1000})
    return unit(session, actor.provider_id)


def wish(session: Session, actor: Actor, mammobus: MobileUnit, **given: object) -> Wish:
    """One day at a site with fifty women due."""
    fields = {"unit_id": mammobus.id, "first_day": WEDNESDAY, "length": 1} | given
    if "site_id" not in fields:
        fields["site_id"] = site(session, actor.provider_id).id
    return Wish(**fields)  # type: ignore[arg-type]  # the fields are those of the class


def added(session: Session, actor: Actor, made: Itinerary, wanted: Wish) -> Stop:
    """The stop that was wished for, in the draft."""
    stop = edits.add(session, actor, made.id, made.version, wanted).stop
    assert stop is not None
    return stop


def days_of(stop: Stop) -> list[date]:
    """The days of a stop."""
    return [row.day for row in stop.days]


def test_a_stay_goes_on_over_days_on_which_nobody_works(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """A weekend, a holiday, a day on which the unit is out."""
    made = draft(session, actor)
    assert days_of(added(session, actor, made, wish(session, actor, mammobus, first_day=FRIDAY, length=2))) == [
        FRIDAY,
        MONDAY,
    ]
    mammobus.unavailabilities.append(
        UnitUnavailability(first_day=date(2027, 3, 25), last_day=date(2027, 3, 25), reason="przegląd")
    )
    session.flush()
    over = wish(session, actor, mammobus, first_day=date(2027, 3, 24), length=3)
    assert days_of(added(session, actor, made, over)) == [date(2027, 3, 24), date(2027, 3, 26), date(2027, 3, 30)]


def test_the_first_day_is_taken_whatever_day_it_is(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """Somebody may want a Saturday; it is told to be none of the unit's."""
    made = draft(session, actor)
    edit = edits.add(
        session, actor, made.id, made.version, wish(session, actor, mammobus, first_day=SATURDAY, length=2)
    )
    assert edit.stop is not None
    assert days_of(edit.stop) == [SATURDAY, MONDAY]
    assert [each.code for each in edit.violations] == ["not_a_weekday_of_unit"]


def test_a_stay_has_to_end_in_time(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """The itinerary has only so many days."""
    made = draft(session, actor)
    with refused("stop_outside_itinerary"):
        edits.add(session, actor, made.id, made.version, wish(session, actor, mammobus, first_day=LAST, length=2))


def test_women_are_those_due_whom_nobody_else_reaches(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """A second stop at the site finds the rest of fifty; so does a change, which does not count the stop itself."""
    made, site_id = draft(session, actor), site(session, actor.provider_id).id
    first = added(session, actor, made, wish(session, actor, mammobus, site_id=site_id, length=4))
    assert first.women_planned == 6 + 3 * 12
    rest = wish(session, actor, mammobus, site_id=site_id, first_day=date(2027, 4, 14), length=3)
    second = added(session, actor, made, rest)
    assert second.women_planned == 50 - 42
    edit = edits.change(
        session, actor, first.id, made.version, wish(session, actor, mammobus, site_id=site_id, length=2)
    )
    assert edit.stop is not None
    assert edit.stop.women_planned == 6 + 12
    edit = edits.change(session, actor, second.id, made.version, rest)
    assert edit.stop is not None
    assert edit.stop.women_planned == 30


def test_women_who_are_reached_elsewhere_are_published(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """Those of a published stop at the site are not due any more; a version does not count what it revises."""
    site_id = site(session, actor.provider_id).id
    base = draft(session, actor)
    added(session, actor, base, wish(session, actor, mammobus, site_id=site_id, length=4))
    factories_planning.publish(session, actor, base, NOW)
    other = draft(session, actor, "Lato")
    later = wish(session, actor, mammobus, site_id=site_id, first_day=date(2027, 4, 14), length=4)
    assert added(session, actor, other, later).women_planned == 8
    version = versions.revise(session, actor, base.id)
    again = wish(session, actor, mammobus, site_id=site_id, length=4)
    edit = edits.change(session, actor, version.stops[0].id, version.version, again)
    assert edit.stop is not None
    assert edit.stop.women_planned == 42


def test_women_and_hours_that_are_given_are_taken(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """On every day; they are told apart from the unit's own."""
    made = draft(session, actor)
    wanted = wish(session, actor, mammobus, length=2, opens=time(9), closes=time(12), women=3)
    stop = added(session, actor, made, wanted)
    assert [row.opens_at.astimezone(WARSAW).time() for row in stop.days] == [time(9), time(9)]
    assert (stop.women_planned, edits.hours_of(stop)) == (3, Hours(time(9), time(12)))
    plain = added(session, actor, made, wish(session, actor, mammobus, first_day=MONDAY, length=2))
    assert edits.hours_of(plain) == Hours()


def test_mixed_hours_stay_on_days_that_stay(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """With the same unit; another one works at its own hours, and hours that are given win."""
    made = draft(session, actor)
    wanted = wish(session, actor, mammobus, length=2)
    stop = added(session, actor, made, wanted)
    days = [DayHours(WEDNESDAY, time(11), time(13)), DayHours(THURSDAY)]
    versions.change_stop(session, actor, stop.id, StopChange(version=made.version, days=days))
    assert edits.hours_of(stop).mixed

    def opened(**changed: object) -> list[time]:
        asked = wish(session, actor, mammobus, site_id=wanted.site_id, **changed)
        edit = edits.change(session, actor, stop.id, made.version, asked)
        assert edit.stop is not None
        return [row.opens_at.astimezone(WARSAW).time() for row in edit.stop.days]

    assert opened(length=3) == [time(11), time(8), time(8)]
    assert opened(length=1, first_day=THURSDAY) == [time(9)]
    assert opened(length=2, opens=time(7)) == [time(7), time(7)]


def test_days_stay_unless_others_are_asked_for(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """A stay that skips a working day keeps it so when only its women change."""
    made = draft(session, actor)
    wanted = wish(session, actor, mammobus, length=2)
    stop = added(session, actor, made, wanted)
    skipping = StopChange(version=made.version, days=[DayHours(WEDNESDAY), DayHours(FRIDAY)])
    versions.change_stop(session, actor, stop.id, skipping)
    same = wish(session, actor, mammobus, site_id=wanted.site_id, length=2, women=1)
    edits.change(session, actor, stop.id, made.version, same)
    assert (days_of(stop), stop.women_planned) == ([WEDNESDAY, FRIDAY], 1)


def test_only_what_was_read_is_edited(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """By the version of the draft, also to add and to remove."""
    made = draft(session, actor)
    wanted = wish(session, actor, mammobus)
    stop = added(session, actor, made, wanted)
    with refused("stale_version"):
        edits.add(session, actor, made.id, made.version - 1, wanted)
    with refused("stale_version"):
        edits.change(session, actor, stop.id, made.version - 1, wanted)
    with refused("stale_version"):
        edits.remove(session, actor, stop.id, made.version - 1)
    edit = edits.remove(session, actor, stop.id, made.version)
    assert (edit.stop, edit.before.women, edit.after.women) == (None, 6, 0)


def test_what_an_edit_mends_is_told(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """And the terms before and after."""
    made = draft(session, actor)
    stop = added(session, actor, made, wish(session, actor, mammobus, first_day=SATURDAY))
    edit = edits.change(session, actor, stop.id, made.version, wish(session, actor, mammobus, site_id=stop.site_id))
    assert ([each.code for each in edit.mended], edit.violations) == (["not_a_weekday_of_unit"], [])
    assert edit.before.km == pytest.approx(edit.after.km)


def test_stops_in_the_way_are_found(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """Of the same unit on the same days, and not the stop itself."""
    made = draft(session, actor)
    one = added(session, actor, made, wish(session, actor, mammobus, length=2))
    added(session, actor, made, wish(session, actor, mammobus, first_day=MONDAY))
    wanted = wish(session, actor, mammobus, first_day=THURSDAY, length=2)
    assert edits.in_the_way(session, actor, made.id, wanted, None) == [one]
    assert edits.in_the_way(session, actor, made.id, wanted, one.id) == []


def test_an_edit_is_judged_by_one_judge(
    session: Session, actor: Actor, mammobus: MobileUnit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong without the itinerary is looked up once, and the itinerary judged before and after."""
    made = draft(session, actor)
    calls: Counter[str] = Counter()

    def count(name: str) -> None:
        known = getattr(planning, name)

        def counted(*given: Any, **more: Any) -> Any:
            calls[name] += 1
            return known(*given, **more)

        monkeypatch.setattr(planning, name, counted)

    count("check_stops")
    count("problem_around")
    stop = added(session, actor, made, wish(session, actor, mammobus))
    assert calls == {"problem_around": 1, "check_stops": 3}
    versions.remove_stop(session, actor, stop.id)
    assert calls == {"problem_around": 2, "check_stops": 6}
