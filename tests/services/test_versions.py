"""The life of an itinerary: approved, reopened, revised; two versions compared; what an edit breaks."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop
from mobile_units.models.units import MobileUnit
from mobile_units.rules.versions import Difference
from mobile_units.services import changes, itineraries, publishing, versions
from mobile_units.services.actors import Actor
from mobile_units.services.itineraries import DayHours, NewItinerary, StopChange
from tests import factories, factories_planning
from tests.factories_planning import MAMMOGRAPHY, THURSDAY, WEDNESDAY, contract, draft, site, stop_of, unit
from tests.statements import refused

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)
FRIDAY, SATURDAY = date(2027, 3, 12), date(2027, 3, 13)


@pytest.fixture
def mammobus(session: Session, actor: Actor) -> MobileUnit:
    """A unit that works on weekdays from 8:00 to 10:00."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 1000})
    return unit(session, actor.provider_id)


def draft_of(session: Session, actor: Actor, mammobus: MobileUnit, *days: date, women: int = 6) -> Itinerary:
    """A draft with a stop for six women, who can be examined on its first day."""
    made = draft(session, actor)
    command = stop_of(mammobus, site(session, actor.provider_id), *(days or [WEDNESDAY]), women=women)
    itineraries.add_stop(session, actor, made.id, command)
    return made


def approve(session: Session, actor: Actor, itinerary: Itinerary, reason: str | None = None) -> Itinerary:
    """Approves a draft as it stands."""
    return versions.approve(session, actor, itinerary.id, itinerary.version, NOW, accepted_reason=reason)


def audited(session: Session, itinerary: Itinerary) -> list[str]:
    """What was done to an itinerary."""
    query = select(AuditEntry.action).where(AuditEntry.subject == "itinerary", AuditEntry.subject_id == itinerary.id)
    return list(session.scalars(query.order_by(AuditEntry.id)))


# approval


def test_a_draft_without_violations_is_approved(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """By its version, and it cannot be changed any more; a reason that was not needed is not kept."""
    made = draft_of(session, actor, mammobus, women=6)
    before = made.version
    assert approve(session, actor, made, "bez powodu").status is ItineraryStatus.APPROVED
    assert (made.approved_at, made.version, made.planning) == (NOW, before + 1, {})
    assert audited(session, made) == ["create", "approve"]
    edits: tuple[Callable[[], object], ...] = (
        lambda: itineraries.change(session, actor, made.id, made.version, {"name": "Lato"}),
        lambda: itineraries.remove_stop(session, actor, made.stops[0].id),
        lambda: versions.remove_stop(session, actor, made.stops[0].id),
        lambda: approve(session, actor, made),
    )
    for edit in edits:
        with refused("itinerary_not_draft"):
            edit()


def test_violations_are_accepted_for_a_reason_alone(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """The refusal lists them; once accepted, they are kept with the reason."""
    made = draft_of(session, actor, mammobus, SATURDAY)
    with pytest.raises(DomainError, match="itinerary_has_violations") as caught:
        approve(session, actor, made)
    listed = caught.value.facts["violations"]
    assert (caught.value.facts["count"], [each["code"] for each in listed]) == (1, ["not_a_weekday_of_unit"])
    assert (listed[0]["day"], made.status) == ("2027-03-13", ItineraryStatus.DRAFT)
    approve(session, actor, made, "sobota uzgodniona z gminą")
    session.expire(made)
    assert made.planning == {"accepted": {"reason": "sobota uzgodniona z gminą", "violations": listed}}


def test_an_approved_itinerary_is_reopened(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """It is a draft again, which accepts nothing; it keeps how it was planned."""
    made = draft_of(session, actor, mammobus, SATURDAY)
    made.planning = {"solver": "próba"}
    session.flush()
    approve(session, actor, made, "próba")
    with refused("stale_version"):
        versions.reopen(session, actor, made.id, made.version - 1)
    versions.reopen(session, actor, made.id, made.version)
    assert (made.status, made.approved_at, made.planning) == (ItineraryStatus.DRAFT, None, {"solver": "próba"})
    assert audited(session, made) == ["create", "approve", "reopen"]
    with refused("itinerary_not_approved"):
        versions.reopen(session, actor, made.id, made.version)


def test_only_what_was_read_is_approved(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """An older version, an empty draft, the draft of another provider: all refused."""
    made = draft_of(session, actor, mammobus)
    with refused("stale_version"):
        versions.approve(session, actor, made.id, made.version - 1, NOW)
    with refused("itinerary_empty"):
        approve(session, actor, draft(session, actor))
    with refused("not_found"):
        approve(session, Actor(factories.provider(session).id), made)


def test_a_draft_and_an_approved_itinerary_are_put_aside(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """What is published is not."""
    one, other, third = (draft_of(session, actor, mammobus, day) for day in (WEDNESDAY, THURSDAY, FRIDAY))
    approve(session, actor, other)
    factories_planning.publish(session, actor, third, NOW)
    for made in (one, other):
        itineraries.discard(session, actor, made.id, made.version)
        assert made.status is ItineraryStatus.DISCARDED
    with refused("itinerary_not_draft"):
        itineraries.discard(session, actor, third.id, third.version)


# revision


def test_a_version_is_a_copy_of_what_is_published(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """Each stop with its hours, women and pin knows the one that it continues; the published one stays as it is."""
    made = draft(session, actor)
    days = [DayHours(WEDNESDAY, time(9), time(10)), DayHours(THURSDAY)]
    there = site(session, actor.provider_id)
    command = itineraries.NewStop(unit_id=mammobus.id, site_id=there.id, days=days, women_planned=9)
    origin = itineraries.add_stop(session, actor, made.id, command)
    origin.pinned = True
    factories_planning.publish(session, actor, made, NOW)
    revision = versions.revise(session, actor, made.id)
    session.expire_all()
    assert (revision.status, revision.revises_id, revision.revises_version) == (
        ItineraryStatus.DRAFT,
        made.id,
        made.version,
    )
    assert (revision.name, revision.first_day, revision.last_day) == (
        "Wiosna (wersja 2)",
        made.first_day,
        made.last_day,
    )
    [copy] = revision.stops
    assert (copy.origin_id, copy.women_planned, copy.pinned) == (origin.id, 9, True)
    assert [(day.opens_at, day.closes_at) for day in copy.days] == [
        (day.opens_at, day.closes_at) for day in origin.days
    ]
    assert made.status is ItineraryStatus.PUBLISHED
    assert audited(session, revision) == ["create"]


def test_only_what_is_published_is_revised(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """And only by its own provider."""
    made = draft_of(session, actor, mammobus)
    with refused("itinerary_not_published"):
        versions.revise(session, actor, made.id)
    factories_planning.publish(session, actor, made, NOW)
    with refused("not_found"):
        versions.revise(session, Actor(factories.provider(session).id), made.id)


def test_a_stop_that_was_withdrawn_is_not_revised(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """It has no days."""
    made = draft_of(session, actor, mammobus)
    factories_planning.publish(session, actor, made, NOW)
    changes.withdraw_stop(session, actor, made.stops[0].id, made.version, NOW)
    assert versions.revise(session, actor, made.id).stops == []


# comparison


def compared(session: Session, actor: Actor, one: Itinerary, other: Itinerary) -> list[tuple[object, ...]]:
    """The stops that differ: the sites of both, and what is different."""
    session.expire_all()
    found = versions.compare(session, actor, one.id, other.id).stops
    return [
        (each.one and each.one.site_id, each.other and each.other.site_id, list(each.differences))
        for each in found
        if each.differences or not each.one or not each.other
    ]


def test_versions_are_compared_stop_by_stop(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """One moved, one at another site, one dropped, one new, one as it was."""
    made, here = draft(session, actor), [site(session, actor.provider_id) for _ in range(6)]
    for number, there in enumerate(here[:4]):
        command = stop_of(mammobus, there, date(2027, 3, 8 + number), women=6)
        itineraries.add_stop(session, actor, made.id, command)
    factories_planning.publish(session, actor, made, NOW)
    revision = versions.revise(session, actor, made.id)
    moved, elsewhere, dropped, _ = sorted(revision.stops, key=lambda stop: stop.first_day)
    _change(session, actor, moved, days=[DayHours(date(2027, 3, 15))])
    _change(session, actor, elsewhere, site_id=here[4].id, women_planned=5)
    itineraries.remove_stop(session, actor, dropped.id)
    itineraries.add_stop(session, actor, revision.id, stop_of(mammobus, here[5], date(2027, 3, 16), women=6))
    assert compared(session, actor, made, revision) == [
        (here[0].id, here[0].id, [Difference.DAYS]),
        (here[1].id, here[4].id, [Difference.SITE, Difference.WOMEN]),
        (here[2].id, None, []),
        (None, here[5].id, []),
    ]
    assert compared(session, actor, made, made) == []


def _change(session: Session, actor: Actor, stop: Stop, **values: object) -> None:
    command = StopChange(version=stop.itinerary.version, **values)  # type: ignore[arg-type]  # the fields' types are the callers' care
    itineraries.change_stop(session, actor, stop.id, command)


def test_the_terms_of_both_are_told(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """Women, days and kilometres as each itinerary stands."""
    one = draft_of(session, actor, mammobus, women=6)
    other = draft_of(session, actor, mammobus, WEDNESDAY, THURSDAY, women=18)
    found = versions.compare(session, actor, one.id, other.id)
    assert [(terms.women, terms.unit_days_used) for terms in (found.one_terms, found.other_terms)] == [(6, 1), (18, 2)]
    assert found.one_terms.km == found.other_terms.km > 0
    with refused("not_found"):
        versions.compare(session, Actor(factories.provider(session).id), one.id, other.id)


# edits


def test_an_edit_tells_what_it_breaks(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """Only what was not broken before; and nothing once it is mended."""
    made = draft_of(session, actor, mammobus, SATURDAY)
    stop = made.stops[0]
    added = versions.add_stop(
        session, actor, made.id, stop_of(mammobus, site(session, actor.provider_id), date(2027, 3, 29), women=6)
    )
    assert [each.code for each in added.violations] == ["public_holiday"]
    change = StopChange(version=added.itinerary.version, women_planned=7)
    changed = versions.change_stop(session, actor, stop.id, change)
    assert [each.code for each in changed.violations] == ["above_capacity"]
    mended = StopChange(version=changed.itinerary.version, women_planned=6, days=[DayHours(FRIDAY)])
    assert versions.change_stop(session, actor, stop.id, mended).violations == []
    assert added.stop is not None
    removed = versions.remove_stop(session, actor, added.stop.id)
    assert (removed.violations, removed.stop, [each.id for each in removed.itinerary.stops]) == ([], None, [stop.id])


def test_taking_a_stop_away_may_break_something_too(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """A version that drops what is published."""
    made = draft_of(session, actor, mammobus)
    factories_planning.publish(session, actor, made, NOW)
    revision = versions.revise(session, actor, made.id)
    removed = versions.remove_stop(session, actor, revision.stops[0].id)
    assert [each.code for each in removed.violations] == ["fixed_stop_changed"]


def test_another_unit_works_at_its_own_hours(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """Where the unit before it did; hours that were given by hand stay."""
    substitute = unit(session, actor.provider_id, setup_minutes=30)
    substitute.opens, substitute.closes = time(7), time(12)
    made = draft(session, actor)
    days = [DayHours(WEDNESDAY), DayHours(THURSDAY, time(8), time(9)), DayHours(FRIDAY)]
    there = site(session, actor.provider_id)
    command = itineraries.NewStop(unit_id=mammobus.id, site_id=there.id, days=days)
    stop = itineraries.add_stop(session, actor, made.id, command)
    _change(session, actor, stop, unit_id=substitute.id, pinned=True)
    session.expire_all()
    hours = [f"{day.opens_at:%H:%M}-{day.closes_at:%H:%M}" for day in stop.days]
    assert hours == ["06:30-11:00", "07:00-08:00", "06:00-11:00"]
    assert (stop.unit_id, {day.unit_id for day in stop.days}, stop.pinned) == (substitute.id, {substitute.id}, True)
    _change(session, actor, stop, pinned=False)
    assert not stop.pinned


def test_another_unit_has_to_be_free_and_ready(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """Not elsewhere on these days, not retired, not another provider's."""
    made, other = draft_of(session, actor, mammobus), unit(session, actor.provider_id)
    stop = made.stops[0]
    itineraries.add_stop(session, actor, made.id, stop_of(other, site(session, actor.provider_id), WEDNESDAY))
    with refused("unit_in_two_places"), session.begin_nested():
        _change(session, actor, stop, unit_id=other.id)
    _change(session, actor, stop, unit_id=other.id, days=[DayHours(FRIDAY)])
    retired = unit(session, actor.provider_id, active=False)
    with refused("out_of_use"), session.begin_nested():
        _change(session, actor, stop, unit_id=retired.id)
    with refused("not_found"):
        _change(session, actor, stop, unit_id=unit(session, factories.provider(session).id).id)


def test_a_new_period_is_no_matter_of_versions(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """A stop outside the days of the itinerary is refused in a version as in a draft."""
    command = NewItinerary(name="Tydzień", first_day=WEDNESDAY, last_day=THURSDAY)
    made = itineraries.create(session, actor, command)
    itineraries.add_stop(
        session, actor, made.id, stop_of(mammobus, site(session, actor.provider_id), WEDNESDAY, women=6)
    )
    factories_planning.publish(session, actor, made, NOW)
    revision = versions.revise(session, actor, made.id)
    with refused("stop_outside_itinerary"):
        _change(session, actor, revision.stops[0], days=[DayHours(FRIDAY)])
    assert publishing.preview(session, actor, revision.id, NOW).published.kept == 1
