"""Publishing a version of a published itinerary, by hand-checked numbers: what stays is not touched, the rest is told.

The unit works from 8:00 to 10:00 and examines a woman in ten minutes. Its first stop is published for Wednesday and
Thursday, the second for Monday and Tuesday after, each for 6 and 12 women.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop, StopDay
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.transmissions import MessageState, OutboxMessage
from mobile_units.models.units import MobileUnit
from mobile_units.rules.programmes import Path
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services import changes, itineraries, publishing, versions, visits
from mobile_units.services.actors import Actor
from mobile_units.services.derivation import Published
from mobile_units.services.itineraries import DayHours, StopChange
from mobile_units.services.visits import NewVisit
from tests import factories_booking, factories_planning
from tests.factories_planning import MAMMOGRAPHY, THURSDAY, WEDNESDAY, contract, draft, site, stop_of, unit
from tests.services.test_changes import accept_all
from tests.statements import refused

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)
FRIDAY, MONDAY, TUESDAY = date(2027, 3, 12), date(2027, 3, 15), date(2027, 3, 16)
POINTS, SCHEDULE = MessageKind.IMPORT_MOBILE_POINTS, MessageKind.SAVE_SCHEDULE
SLOTS, WITHDRAW = MessageKind.SAVE_SLOTS, MessageKind.WITHDRAW_SLOTS


@pytest.fixture
def mammobus(session: Session, actor: Actor) -> MobileUnit:
    """The unit of both stops."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 1000})
    return unit(session, actor.provider_id)


@pytest.fixture
def base(session: Session, actor: Actor, mammobus: MobileUnit) -> Itinerary:
    """The published itinerary, handed over."""
    made = draft(session, actor)
    for days in ((WEDNESDAY, THURSDAY), (MONDAY, TUESDAY)):
        command = stop_of(mammobus, site(session, actor.provider_id), *days, women=18)
        itineraries.add_stop(session, actor, made.id, command)
    factories_planning.publish(session, actor, made, NOW)
    accept_all(session)
    return made


def revise(session: Session, actor: Actor, base: Itinerary) -> tuple[Itinerary, Stop, Stop]:
    """A draft of a new version, and its two stops."""
    revision = versions.revise(session, actor, base.id)
    first, second = sorted(revision.stops, key=lambda stop: stop.first_day)
    return revision, first, second


def edit(session: Session, actor: Actor, stop: Stop, *days: date, **values: Any) -> None:
    """Changes a stop of a draft as it stands."""
    hours = [DayHours(day) for day in days] or None
    command = StopChange(version=stop.itinerary.version, days=hours, **values)
    itineraries.change_stop(session, actor, stop.id, command)


def publish(session: Session, actor: Actor, revision: Itinerary, now: datetime = NOW) -> Published:
    """Approves and publishes the version."""
    done = factories_planning.publish(session, actor, revision, now)
    session.expire_all()
    return done


def published_stops(session: Session, itinerary: Itinerary) -> list[tuple[int, list[date]]]:
    """The stops of an itinerary and their days, in order of time."""
    session.expire_all()
    return [(stop.id, [day.day for day in stop.days]) for stop in itinerary.stops]


def queued(session: Session, actor: Actor) -> Counter[tuple[MessageKind, int]]:
    """Kinds and subjects of what is to be sent."""
    query = select(OutboxMessage).where(
        OutboxMessage.provider_id == actor.provider_id, OutboxMessage.state == MessageState.PENDING
    )
    return Counter((each.kind, each.subject_id) for each in session.scalars(query))


def schedule_of(session: Session, stop: Stop) -> Schedule:
    """The only schedule of a stop."""
    query = select(Schedule).join(Schedule.mobile_point).where(MobilePoint.stop_id == stop.id)
    return session.scalars(query).one()


def slots_of(session: Session, stop: Stop, status: SlotStatus = SlotStatus.OPEN) -> Sequence[Slot]:
    """The slots of a stop in order of time."""
    query = select(Slot).join(Slot.schedule).join(Schedule.mobile_point)
    query = query.where(MobilePoint.stop_id == stop.id, Slot.status == status)
    return session.scalars(query.order_by(Slot.starts_at)).all()


def book(session: Session, actor: Actor, slot: Slot, now: datetime = NOW) -> int:
    """A visit of a woman in a slot."""
    woman = factories_booking.woman(session, actor.provider_id)
    command = NewVisit(woman_id=woman.id, slot_id=slot.id, path=Path.MAMMOGRAPHY)
    return visits.book(session, actor, command, now).id


def everything(session: Session, actor: Actor) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the provider's stops and of what was derived from them."""
    session.flush()
    own = {
        Itinerary: Itinerary.provider_id == actor.provider_id,
        Stop: Stop.itinerary.has(Itinerary.provider_id == actor.provider_id),
        StopDay: StopDay.itinerary_id.in_(select(Itinerary.id).where(Itinerary.provider_id == actor.provider_id)),
        MobilePoint: MobilePoint.provider_id == actor.provider_id,
        Schedule: Schedule.provider_id == actor.provider_id,
        Slot: Slot.schedule.has(Schedule.provider_id == actor.provider_id),
        OutboxMessage: OutboxMessage.provider_id == actor.provider_id,
        AuditEntry: AuditEntry.provider_id == actor.provider_id,
    }
    return {
        entity.__tablename__: [
            tuple(row) for row in session.execute(select(*entity.__table__.columns).where(rows).order_by("id"))
        ]
        for entity, rows in own.items()
    }


# what stays, changes, goes and comes


def test_a_version_without_a_difference_sends_nothing(session: Session, actor: Actor, base: Itinerary) -> None:
    """The stops pass to it with everything that hangs on them; the itinerary of before is superseded and empty."""
    stops = published_stops(session, base)
    booked = book(session, actor, slots_of(session, base.stops[0])[0])
    accept_all(session)
    derived = ("mobile_points", "schedules", "slots", "outbox_messages")
    before = everything(session, actor)
    revision, *_ = revise(session, actor, base)
    assert publish(session, actor, revision) == Published(kept=2)
    after = everything(session, actor)
    assert [after[name] for name in derived] == [before[name] for name in derived]
    assert (published_stops(session, revision), published_stops(session, base)) == (stops, [])
    assert (revision.status, base.status) == (ItineraryStatus.PUBLISHED, ItineraryStatus.SUPERSEDED)
    assert revision.published_at == NOW
    assert visits.get(session, actor, booked).status == "booked"
    statuses = session.scalars(select(StopDay.itinerary_status).where(StopDay.itinerary_id == revision.id)).all()
    assert statuses == [ItineraryStatus.PUBLISHED] * 4


def test_only_the_stop_with_other_days_is_told(session: Session, actor: Actor, base: Itinerary) -> None:
    """Thursday becomes Friday: 12 slots go and 12 come in the same schedule; the other stop is silent."""
    one, other = base.stops
    schedule = schedule_of(session, one)
    revision, first, _ = revise(session, actor, base)
    edit(session, actor, first, WEDNESDAY, FRIDAY)
    assert publish(session, actor, revision) == Published(kept=1, changed=1)
    assert queued(session, actor) == Counter(
        {(WITHDRAW, schedule.id): 1, (POINTS, schedule.mobile_point_id): 1, (SCHEDULE, schedule.id): 1}
        | {(SLOTS, schedule.id): 1}
    )
    expected = [(one.id, [WEDNESDAY, FRIDAY]), (other.id, [MONDAY, TUESDAY])]
    assert published_stops(session, revision) == expected
    assert Counter(slot.starts_at.day for slot in slots_of(session, one)) == {10: 6, 12: 12}
    assert schedule_of(session, one).valid_to == FRIDAY


def test_another_site_is_told_by_the_mobile_point(session: Session, actor: Actor, base: Itinerary) -> None:
    """Schedules and slots are the same; the visits to come stay booked."""
    one = base.stops[0]
    book(session, actor, slots_of(session, one)[0])
    accept_all(session)
    elsewhere = site(session, actor.provider_id)
    revision, first, _ = revise(session, actor, base)
    edit(session, actor, first, site_id=elsewhere.id)
    preview = publishing.preview(session, actor, revision.id, NOW)
    assert [each.changes.visits_at_new_site for each in preview.changed if each.changes] == [1]
    assert publish(session, actor, revision) == Published(kept=1, changed=1)
    assert queued(session, actor) == {(POINTS, schedule_of(session, one).mobile_point_id): 1}
    assert one.site_id == elsewhere.id


def test_other_hours_of_a_day_change_the_slots_of_the_day(session: Session, actor: Actor, base: Itinerary) -> None:
    """An hour more on Tuesday gives six more slots; nothing is withdrawn."""
    schedule = schedule_of(session, base.stops[1])
    revision, _, second = revise(session, actor, base)
    days = [DayHours(MONDAY), DayHours(TUESDAY, time(8), time(11))]
    version = revision.version
    itineraries.change_stop(session, actor, second.id, StopChange(version=version, days=days))
    assert publish(session, actor, revision) == Published(kept=1, changed=1)
    assert queued(session, actor) == {(SCHEDULE, schedule.id): 1, (SLOTS, schedule.id): 1}
    assert len(slots_of(session, base.stops[0] if base.stops else revision.stops[1])) == 24


def test_another_number_of_women_is_planned_and_not_told(session: Session, actor: Actor, base: Itinerary) -> None:
    """The central system hears of slots, not of plans; the schedule plans as many, and the stop is pinned too."""
    one = base.stops[0]
    revision, first, _ = revise(session, actor, base)
    edit(session, actor, first, women_planned=11, pinned=True)
    assert publish(session, actor, revision) == Published(kept=2)
    assert queued(session, actor) == {}
    assert (one.women_planned, one.pinned, schedule_of(session, one).women_planned) == (11, True, 11)


def test_a_stop_that_the_version_drops_is_withdrawn(session: Session, actor: Actor, base: Itinerary) -> None:
    """Its slots are taken back; it stays, without days, in the itinerary that is superseded."""
    one, other = base.stops
    revision, first, _ = revise(session, actor, base)
    itineraries.remove_stop(session, actor, first.id)
    assert publish(session, actor, revision) == Published(kept=1, withdrawn=1)
    assert queued(session, actor) == {(WITHDRAW, schedule_of(session, one).id): 1}
    assert (published_stops(session, base), published_stops(session, revision)) == (
        [(one.id, [])],
        [(other.id, [MONDAY, TUESDAY])],
    )
    assert len(slots_of(session, one, SlotStatus.WITHDRAWN)) == 18


def test_a_new_stop_is_derived_as_in_a_first_publication(
    session: Session, actor: Actor, base: Itinerary, mammobus: MobileUnit
) -> None:
    """A point, a schedule and 6 slots, told in the usual order."""
    revision, *_ = revise(session, actor, base)
    command = stop_of(mammobus, site(session, actor.provider_id), FRIDAY)
    added = itineraries.add_stop(session, actor, revision.id, command)
    done = publish(session, actor, revision)
    assert done == Published(mobile_points=1, schedules=1, slots=6, kept=2)
    schedule = schedule_of(session, added)
    told = {kind for kind, _ in queued(session, actor)} - {MessageKind.ACTIVATE_SERVICE_PLACE}
    assert told == {POINTS, SCHEDULE, SLOTS}
    assert queued(session, actor)[SLOTS, schedule.id] == 1


def test_another_unit_is_a_stop_withdrawn_and_a_new_one(session: Session, actor: Actor, base: Itinerary) -> None:
    """A mobile point belongs to the place of one unit."""
    one, other = base.stops
    substitute = unit(session, actor.provider_id)
    revision, first, _ = revise(session, actor, base)
    edit(session, actor, first, unit_id=substitute.id)
    assert publish(session, actor, revision) == Published(1, 1, 18, kept=1, withdrawn=1)
    assert published_stops(session, base) == [(one.id, [])]
    new = next(stop for stop in revision.stops if stop.id != other.id)
    assert (new.unit_id, new.id, len(slots_of(session, new))) == (substitute.id, first.id, 18)


def test_two_stops_of_a_unit_swap_their_days(session: Session, actor: Actor, base: Itinerary) -> None:
    """In between the unit would stand in two places; at the end it does not."""
    one, other = base.stops
    revision, first, second = revise(session, actor, base)
    edit(session, actor, first, date(2027, 3, 20))
    edit(session, actor, second, WEDNESDAY, THURSDAY)
    edit(session, actor, first, MONDAY, TUESDAY)
    assert publish(session, actor, revision) == Published(changed=2)
    assert published_stops(session, revision) == [(other.id, [WEDNESDAY, THURSDAY]), (one.id, [MONDAY, TUESDAY])]
    assert [len(slots_of(session, stop)) for stop in (one, other)] == [18, 18]


def test_two_units_swap_their_stops(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """Each takes the place of the other on the same days: two stops are withdrawn and two are new."""
    other, made = unit(session, actor.provider_id), draft(session, actor)
    for each in (mammobus, other):
        itineraries.add_stop(session, actor, made.id, stop_of(each, site(session, actor.provider_id), WEDNESDAY))
    publish(session, actor, made)
    revision = versions.revise(session, actor, made.id)
    first, second = revision.stops
    edit(session, actor, first, FRIDAY, unit_id=other.id)
    edit(session, actor, second, unit_id=mammobus.id)
    edit(session, actor, first, WEDNESDAY)
    assert publish(session, actor, revision) == Published(2, 2, 12, withdrawn=2)


def test_a_stop_that_was_withdrawn_from_the_base_comes_back(session: Session, actor: Actor, base: Itinerary) -> None:
    """It was withdrawn after the version was made, and the version, compared again, wants it: its slots return."""
    one = base.stops[0]
    revision, *_ = revise(session, actor, base)
    changes.withdraw_stop(session, actor, one.id, base.version, NOW)
    accept_all(session)
    reason, version = "próba", revision.version
    approved = versions.approve(
        session, actor, revision.id, version, NOW, accepted_reason=reason, base_version=base.version
    )
    assert publish(session, actor, approved) == Published(kept=1, changed=1)
    assert len(slots_of(session, one)) == 18
    assert published_stops(session, revision)[0] == (one.id, [WEDNESDAY, THURSDAY])


# what is over


def on(day: date, hour: int, minute: int = 0) -> datetime:
    """An instant, in UTC; Poland is one hour ahead."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def test_days_that_are_over_stay_as_they_were(session: Session, actor: Actor, base: Itinerary) -> None:
    """On Thursday before eight: the version moves the whole stop to Friday, but Wednesday was worked already."""
    one = base.stops[0]
    revision, first, _ = revise(session, actor, base)
    edit(session, actor, first, FRIDAY)
    assert publish(session, actor, revision, on(THURSDAY, 6)) == Published(kept=1, changed=1)
    assert published_stops(session, revision)[0] == (one.id, [WEDNESDAY, FRIDAY])
    assert Counter(slot.starts_at.day for slot in slots_of(session, one)) == {10: 6, 12: 6}


@pytest.mark.parametrize("change", ["dropped", "moved back", "other site", "other unit"])
def test_a_stop_that_is_over_is_kept_whatever_the_version_says(
    session: Session, actor: Actor, base: Itinerary, change: str
) -> None:
    """Nothing is told; the stop passes to the version as it was worked."""
    one, other = base.stops
    revision, first, _ = revise(session, actor, base)
    edits: dict[str, Callable[[], None]] = {
        "dropped": lambda: itineraries.remove_stop(session, actor, first.id),
        "moved back": lambda: edit(session, actor, first, date(2027, 3, 8)),
        "other site": lambda: edit(session, actor, first, site_id=site(session, actor.provider_id).id),
        "other unit": lambda: edit(session, actor, first, unit_id=unit(session, actor.provider_id).id),
    }
    edits[change]()
    place = one.site_id, one.unit_id
    assert publish(session, actor, revision, on(FRIDAY, 8)) == Published(kept=2)
    assert queued(session, actor) == {}
    assert published_stops(session, revision) == [(one.id, [WEDNESDAY, THURSDAY]), (other.id, [MONDAY, TUESDAY])]
    assert (one.site_id, one.unit_id) == place


def test_a_stop_dropped_half_way_keeps_what_was_worked(session: Session, actor: Actor, base: Itinerary) -> None:
    """On Thursday at half past eight the fourth woman's time has begun; what follows is withdrawn."""
    one = base.stops[0]
    revision, first, _ = revise(session, actor, base)
    itineraries.remove_stop(session, actor, first.id)
    assert publish(session, actor, revision, on(THURSDAY, 7, 30)) == Published(kept=1, withdrawn=1)
    assert published_stops(session, revision)[0] == (one.id, [WEDNESDAY, THURSDAY])
    assert one.days[1].closes_at == on(THURSDAY, 7, 30)
    assert Counter(slot.starts_at.day for slot in slots_of(session, one)) == {10: 6, 11: 4}


def test_after_work_has_begun_another_site_is_another_stop(session: Session, actor: Actor, base: Itinerary) -> None:
    """Wednesday was worked where it was published; the rest of the stop goes on elsewhere from Thursday."""
    one = base.stops[0]
    elsewhere = site(session, actor.provider_id)
    revision, first, _ = revise(session, actor, base)
    edit(session, actor, first, site_id=elsewhere.id)
    done = publish(session, actor, revision, on(WEDNESDAY, 20))
    assert done == Published(1, 1, 12, kept=1, withdrawn=1)
    stops = published_stops(session, revision)
    assert stops[:2] == [(one.id, [WEDNESDAY]), (first.id, [THURSDAY])]
    assert one.site_id != first.site_id == elsewhere.id


def test_a_new_stop_in_the_past_is_refused(
    session: Session, actor: Actor, base: Itinerary, mammobus: MobileUnit
) -> None:
    """As in a first publication."""
    revision, *_ = revise(session, actor, base)
    itineraries.add_stop(session, actor, revision.id, stop_of(mammobus, site(session, actor.provider_id), FRIDAY))
    with refused("stop_in_the_past"):
        publish(session, actor, revision, on(MONDAY, 20))


# refusals


def test_visits_in_the_way_refuse_the_whole(session: Session, actor: Actor, base: Itinerary) -> None:
    """All of them are listed, of every stop that goes or changes, and nothing is half done."""
    one, other = base.stops
    of_first, of_second = (
        book(session, actor, slots_of(session, one)[0]),
        book(session, actor, slots_of(session, other)[17]),
    )
    revision, first, second = revise(session, actor, base)
    itineraries.remove_stop(session, actor, first.id)
    edit(session, actor, second, MONDAY)
    approved = factories_planning.approve(session, actor, revision, NOW)
    before = everything(session, actor)
    with pytest.raises(DomainError, match="slots_have_visits") as caught:
        publishing.publish(session, actor, approved.id, approved.version, NOW)
    assert [each["id"] for each in caught.value.facts["visits"]] == [of_first, of_second]
    assert everything(session, actor) == before
    assert [each.id for each in publishing.preview(session, actor, revision.id, NOW).visits] == [of_first, of_second]


def test_a_unit_that_another_itinerary_needs_is_refused(
    session: Session, actor: Actor, base: Itinerary, mammobus: MobileUnit
) -> None:
    """The check that was put off until the end is made, and nothing is half done."""
    other = draft(session, actor)
    itineraries.add_stop(session, actor, other.id, stop_of(mammobus, site(session, actor.provider_id), FRIDAY))
    publish(session, actor, other)
    revision, first, _ = revise(session, actor, base)
    edit(session, actor, first, WEDNESDAY, FRIDAY)
    approved = factories_planning.approve(session, actor, revision, NOW)
    before = everything(session, actor)
    with refused("unit_in_two_places"):
        publishing.publish(session, actor, approved.id, approved.version, NOW)
    assert everything(session, actor) == before
    with refused("unit_in_two_places"):
        publishing.preview(session, actor, approved.id, NOW)


def test_of_several_versions_one_is_published(session: Session, actor: Actor, base: Itinerary) -> None:
    """The other one revises what is not in force any more: neither approved nor published nor previewed."""
    revision, *_ = revise(session, actor, base)
    other, *_ = revise(session, actor, base)
    third, *_ = revise(session, actor, base)
    assert [revision.name, other.name] == ["Wiosna (wersja 2)", "Wiosna (wersja 3)"]
    approved = factories_planning.approve(session, actor, other, NOW)
    publish(session, actor, revision)
    for attempt in (
        lambda: publishing.publish(session, actor, approved.id, approved.version, NOW),
        lambda: publishing.preview(session, actor, approved.id, NOW),
        lambda: factories_planning.approve(session, actor, third, NOW),
    ):
        with refused("base_superseded"):
            attempt()


def test_a_version_of_what_changed_meanwhile_is_compared_first(session: Session, actor: Actor, base: Itinerary) -> None:
    """Else it would undo the change unseen. With the version that it was compared with, it is approved and does so."""
    one = base.stops[0]
    revision, *_ = revise(session, actor, base)
    command = changes.StopChange(version=base.version, days=[changes.WorkedDay(WEDNESDAY)])
    changes.change_stop(session, actor, one.id, command, NOW)
    with pytest.raises(DomainError, match="base_changed") as caught:
        factories_planning.approve(session, actor, revision, NOW)
    seen = publishing.preview(session, actor, revision.id, NOW)
    assert (seen.base_version, [each.stop_id for each in seen.changed]) == (
        caught.value.facts["base_version"],
        [one.id],
    )
    approved = versions.approve(
        session, actor, revision.id, revision.version, NOW, accepted_reason="próba", base_version=seen.base_version
    )
    changes.change_stop(session, actor, one.id, changes.StopChange(version=base.version, days=command.days), NOW)
    with refused("base_changed"):
        publishing.publish(session, actor, approved.id, approved.version, NOW)
    reopened = versions.reopen(session, actor, revision.id, approved.version)
    approved = versions.approve(
        session, actor, revision.id, reopened.version, NOW, accepted_reason="próba", base_version=base.version
    )
    assert publish(session, actor, approved) == Published(kept=1, changed=1)
    assert published_stops(session, revision)[0] == (one.id, [WEDNESDAY, THURSDAY])


def test_a_version_without_stops_is_refused(session: Session, actor: Actor, base: Itinerary) -> None:
    """It can be withdrawn stop by stop."""
    revision, first, second = revise(session, actor, base)
    for stop in (first, second):
        itineraries.remove_stop(session, actor, stop.id)
    with refused("itinerary_empty"):
        factories_planning.approve(session, actor, revision, NOW)
    with refused("itinerary_empty"):
        publishing.preview(session, actor, revision.id, NOW)


# the next version, and the preview


def test_versions_follow_one_another(session: Session, actor: Actor, base: Itinerary) -> None:
    """The second version revises the first, and the stop is still the one that was published at the start."""
    stops = published_stops(session, base)
    revision, *_ = revise(session, actor, base)
    publish(session, actor, revision)
    third = versions.revise(session, actor, revision.id)
    assert (third.name, third.revises_id) == ("Wiosna (wersja 3)", revision.id)
    assert publish(session, actor, third) == Published(kept=2)
    assert published_stops(session, third) == stops
    with refused("itinerary_not_published"):
        versions.revise(session, actor, revision.id)


def test_a_preview_tells_what_is_done_then(
    session: Session, actor: Actor, base: Itinerary, mammobus: MobileUnit
) -> None:
    """One stop of each kind; the messages are those that are queued, and before that nothing is different."""
    one, other = base.stops
    revision, first, second = revise(session, actor, base)
    itineraries.remove_stop(session, actor, first.id)
    edit(session, actor, second, MONDAY)
    added = itineraries.add_stop(
        session, actor, revision.id, stop_of(mammobus, site(session, actor.provider_id), FRIDAY)
    )
    before = everything(session, actor)
    seen = publishing.preview(session, actor, revision.id, NOW)
    assert everything(session, actor) == before
    listed = {name: [each.stop_id for each in getattr(seen, name)] for name in ("kept", "changed", "withdrawn", "new")}
    assert listed == {"kept": [], "changed": [other.id], "withdrawn": [one.id], "new": [added.id]}
    assert [len(each.changes.withdrawn) for each in seen.withdrawn if each.changes] == [18]
    assert publish(session, actor, revision) == seen.published
    assert seen.messages == Counter(kind for kind, _ in queued(session, actor).elements())


def test_a_preview_counts_messages_that_are_used_again(session: Session, actor: Actor, base: Itinerary) -> None:
    """What was never sent takes the change up; it is not queued twice, but it is told anew."""
    for message in session.scalars(select(OutboxMessage).where(OutboxMessage.provider_id == actor.provider_id)):
        message.state, message.attempts = MessageState.PENDING, 0
    session.flush()
    known = session.scalar(select(func.count()).select_from(OutboxMessage))
    revision, first, _ = revise(session, actor, base)
    edit(session, actor, first, site_id=site(session, actor.provider_id).id)
    assert publishing.preview(session, actor, revision.id, NOW).messages == {POINTS: 1}
    publish(session, actor, revision)
    assert session.scalar(select(func.count()).select_from(OutboxMessage)) == known


def test_a_first_publication_is_previewed_too(session: Session, actor: Actor, mammobus: MobileUnit) -> None:
    """A draft as it stands."""
    made = draft(session, actor)
    itineraries.add_stop(session, actor, made.id, stop_of(mammobus, site(session, actor.provider_id), FRIDAY))
    seen = publishing.preview(session, actor, made.id, NOW)
    assert (seen.published, len(seen.new), seen.base_version) == (Published(1, 1, 6), 1, None)
    assert made.status is ItineraryStatus.DRAFT
    assert publish(session, actor, made) == seen.published
    with refused("itinerary_not_draft"):
        publishing.preview(session, actor, made.id, NOW)
