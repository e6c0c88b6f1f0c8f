"""Breakdowns of published itineraries: what is proposed, which visits go along, and the draft that comes of it.

The unit works from 8:00 to 10:00 and examines a woman in ten minutes; 6 after the set-up on the first day, then 12.
"""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.models.audit import AuditEntry
from mobile_units.models.itineraries import Itinerary, ItineraryStatus
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot
from mobile_units.models.units import MobileUnit
from mobile_units.models.visits import Visit
from mobile_units.planning.problem import Period, PlannedStop
from mobile_units.rules.programmes import Programme
from mobile_units.rules.repair import RepairKind
from mobile_units.services import itineraries, planning, publishing, repair, versions
from mobile_units.services.actors import Actor
from mobile_units.services.planning import PlanRequest
from mobile_units.services.repair import ContractChange, MovedVisit, RepairProposal, RepairRequest
from tests import factories, factories_planning, factories_transmission
from tests.factories_planning import MAMMOGRAPHY, THURSDAY, WEDNESDAY, contract, does, draft, site, stop_of, unit
from tests.planning.problems import plan_of
from tests.statements import counted, refused

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)
FRIDAY, MONDAY, TUESDAY = date(2027, 3, 12), date(2027, 3, 15), date(2027, 3, 16)


@pytest.fixture
def mammobus(session: Session, actor: Actor) -> MobileUnit:
    """The unit of both stops."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 1000})
    return unit(session, actor.provider_id)


@pytest.fixture
def base(session: Session, actor: Actor, mammobus: MobileUnit) -> Itinerary:
    """A published itinerary: Wednesday and Thursday at one site, Monday and Tuesday at another."""
    made = draft(session, actor)
    for days in ((WEDNESDAY, THURSDAY), (MONDAY, TUESDAY)):
        place = site(session, actor.provider_id, {Programme.BREAST: 18})
        itineraries.add_stop(session, actor, made.id, stop_of(mammobus, place, *days, women=18))
    factories_planning.publish(session, actor, made, NOW)
    return made


def out(base: Itinerary, by: MobileUnit, first_day: date = WEDNESDAY, days: int = 2) -> RepairRequest:
    """By default out on Wednesday and Thursday."""
    return RepairRequest(itinerary_id=base.id, unit_id=by.id, first_day=first_day, days=days)


def proposed(session: Session, actor: Actor, request: RepairRequest) -> dict[RepairKind, RepairProposal]:
    """The proposals by kind."""
    return {each.kind: each for each in repair.propose_repair(session, actor, request)}


def booked(session: Session, actor: Actor, stop_id: int) -> list[Visit]:
    """A visit in every slot of a stop, in order of time."""
    query = (
        select(Slot)
        .join(Slot.schedule)
        .join(Schedule.mobile_point)
        .where(MobilePoint.stop_id == stop_id)
        .order_by(Slot.starts_at)
    )
    return [factories_transmission.visit(session, actor.provider_id, slot) for slot in session.scalars(query)]


def test_what_can_be_done_is_told_from_the_least_disturbing_on(
    session: Session, actor: Actor, base: Itinerary, mammobus: MobileUnit
) -> None:
    """Alone the unit can be late or give up; to be late is better, and best if the next stop can stay."""
    first = base.stops[0]
    found = repair.propose_repair(session, actor, out(base, mammobus))
    assert [each.kind for each in found] == [RepairKind.POSTPONE, RepairKind.SHIFT, RepairKind.WITHDRAW]
    postpone, shift, withdraw = found
    assert (withdraw.lost, withdraw.women_lost, withdraw.kept) == (1, 18, 1)
    assert [each.stop_id for each in withdraw.moved] == [first.id]
    assert postpone.moved[0].to == PlannedStop(mammobus.id, first.site_id, (date(2027, 3, 17), date(2027, 3, 18)), 18)
    assert [each.to and each.to.days for each in shift.moved] == [(FRIDAY, MONDAY), (TUESDAY, date(2027, 3, 17))]
    assert (postpone.women_lost, shift.women_lost) == (0, 0)
    assert postpone.disturbance < shift.disturbance < withdraw.disturbance


def test_nothing_is_stored_by_a_proposal(session: Session, actor: Actor, base: Itinerary, mammobus: MobileUnit) -> None:
    """It only reads."""
    session.flush()
    with counted(session.connection()) as sent:
        repair.propose_repair(session, actor, out(base, mammobus))
    assert all(statement.lstrip().upper().startswith("SELECT") for statement in sent)


def test_another_unit_takes_over_and_the_visits_keep_their_day(
    session: Session, actor: Actor, base: Itinerary, mammobus: MobileUnit
) -> None:
    """It has room for all of them: nobody is lost, whatever the vehicle."""
    other = unit(session, actor.provider_id)
    visits = booked(session, actor, base.stops[0].id)
    found = repair.propose_repair(session, actor, out(base, mammobus))
    to = PlannedStop(other.id, base.stops[0].site_id, (WEDNESDAY, THURSDAY), 18)
    assert found[0].kind is RepairKind.TAKE_OVER
    assert found[0].visits == tuple(MovedVisit(visit.id, base.stops[0].id, to) for visit in visits)
    assert found[0].visits_lost == 0
    assert len(visits) == 18


def test_visits_for_which_there_is_no_room_are_told(
    session: Session, actor: Actor, base: Itinerary, mammobus: MobileUnit
) -> None:
    """The other unit is half as fast and the site takes no longer stay: the last booked have no place."""
    slow = unit(session, actor.provider_id, [does(session, actor.provider_id, minutes=20)])
    base.stops[0].site.days_max = 2
    visits = booked(session, actor, base.stops[0].id)
    taken = proposed(session, actor, out(base, mammobus))[RepairKind.TAKE_OVER]
    assert [each.to is not None for each in taken.visits] == [True] * 9 + [False] * 9
    assert [each.visit_id for each in taken.visits] == [visit.id for visit in visits]
    assert taken.moved[0].to is not None
    assert (taken.moved[0].to.unit_id, taken.moved[0].to.women, taken.women_lost) == (slow.id, 9, 9)


def test_visits_on_days_that_stay_are_not_touched(
    session: Session, actor: Actor, base: Itinerary, mammobus: MobileUnit
) -> None:
    """The unit is out on Thursday alone: the six of Wednesday stay, the twelve of Thursday are lost."""
    visits = booked(session, actor, base.stops[0].id)
    withdraw = proposed(session, actor, out(base, mammobus, THURSDAY, 1))[RepairKind.WITHDRAW]
    assert [(each.visit_id, each.to) for each in withdraw.visits] == [(visit.id, None) for visit in visits[6:]]


def test_the_contract_is_told_of(session: Session, actor: Actor, base: Itinerary, mammobus: MobileUnit) -> None:
    """Whom nobody examines, nobody settles."""
    withdraw = proposed(session, actor, out(base, mammobus))[RepairKind.WITHDRAW]
    assert withdraw.contract == (ContractChange(MAMMOGRAPHY, Programme.BREAST, -18),)


def test_what_is_accepted_becomes_a_version_that_can_be_published(
    session: Session, actor: Actor, base: Itinerary, mammobus: MobileUnit
) -> None:
    """The unit is known to be out, the stops are where they were proposed, and nothing but the move is wrong."""
    first, second = base.stops
    request = out(base, mammobus)
    shift = proposed(session, actor, request)[RepairKind.SHIFT]
    made = repair.accept_repair(session, actor, request, shift.key)
    assert (made.status, made.revises_id) == (ItineraryStatus.DRAFT, base.id)
    assert [(stop.origin_id, stop.first_day, stop.last_day, stop.women_planned) for stop in made.stops] == [
        (first.id, FRIDAY, MONDAY, 18),
        (second.id, TUESDAY, date(2027, 3, 17), 18),
    ]
    [absence] = mammobus.unavailabilities
    assert (absence.first_day, absence.last_day, absence.reason) == (WEDNESDAY, THURSDAY, "awaria")
    codes = {each.code for each in planning.violations(session, actor, made.id)}
    assert codes == {"fixed_stop_changed"}
    approved = versions.approve(session, actor, made.id, made.version, NOW, accepted_reason="awaria")
    publishing.publish(session, actor, made.id, approved.version, NOW)
    session.flush()
    assert base.status is ItineraryStatus.SUPERSEDED
    actions = select(AuditEntry.action).where(AuditEntry.subject == "itinerary", AuditEntry.subject_id == base.id)
    assert "repair" in session.scalars(actions).all()


def test_the_draft_keeps_which_visit_goes_to_which_of_its_stops(
    session: Session, actor: Actor, base: Itinerary, mammobus: MobileUnit
) -> None:
    """Ready for the bulk move."""
    other = unit(session, actor.provider_id)
    visits = booked(session, actor, base.stops[0].id)
    request = out(base, mammobus)
    taken = proposed(session, actor, request)[RepairKind.TAKE_OVER]
    made = repair.accept_repair(session, actor, request, taken.key)
    new = next(stop for stop in made.stops if stop.unit_id == other.id)
    assert new.origin_id == base.stops[0].id
    assert made.planning["repair"]["visits"] == [
        {"visit_id": visit.id, "stop_id": base.stops[0].id, "to_stop_id": new.id} for visit in visits
    ]


def test_hours_that_were_given_by_hand_stay_on_the_days_that_stay(
    session: Session, actor: Actor, base: Itinerary, mammobus: MobileUnit
) -> None:
    """On Tuesday the unit works in the afternoon; it is out on Monday, so that Tuesday becomes its first day."""
    request = out(base, mammobus, date(2027, 3, 9), 2)
    made = repair.accept_repair(session, actor, request, proposed(session, actor, request)[RepairKind.WITHDRAW].key)
    kept = made.stops[0]
    assert [day.day for day in kept.days] == [THURSDAY]
    assert (kept.women_planned, kept.days[0].opens_at.hour) == (6, 8)
    untouched = made.stops[1]
    assert [(day.opens_at, day.closes_at) for day in untouched.days] == [
        (day.opens_at, day.closes_at) for day in base.stops[1].days
    ]


def test_a_proposal_that_is_no_more_is_refused(
    session: Session, actor: Actor, base: Itinerary, mammobus: MobileUnit
) -> None:
    """Another unit would have taken over, but it is retired meanwhile; so would it be with the stops of a job."""
    other = unit(session, actor.provider_id)
    request = out(base, mammobus)
    taken = proposed(session, actor, request)[RepairKind.TAKE_OVER]
    other.active = False
    session.flush()
    with refused("repair_outdated"):
        repair.accept_repair(session, actor, request, taken.key)
    with refused("repair_outdated"):
        repair.accept(session, actor, request, taken)


def test_stops_that_changed_meanwhile_are_not_moved(
    session: Session, actor: Actor, base: Itinerary, mammobus: MobileUnit
) -> None:
    """Somebody has planned other women for it since."""
    request = out(base, mammobus)
    shift = proposed(session, actor, request)[RepairKind.SHIFT]
    base.stops[0].women_planned = 17
    session.flush()
    with refused("repair_outdated"):
        repair.accept(session, actor, request, shift)


def test_a_breakdown_that_hits_nothing_is_refused(
    session: Session, actor: Actor, base: Itinerary, mammobus: MobileUnit
) -> None:
    """Other days, another unit, another provider's; and what is not published is simply edited."""
    with refused("nothing_hit"):
        repair.propose_repair(session, actor, out(base, mammobus, FRIDAY))
    with refused("nothing_hit"):
        repair.propose_repair(session, actor, out(base, unit(session, actor.provider_id)))
    stranger = Actor(factories.provider(session).id)
    with refused("not_found"):
        repair.propose_repair(session, stranger, out(base, mammobus))
    with refused("itinerary_not_published"):
        repair.propose_repair(session, actor, out(draft(session, actor), mammobus))


def test_stops_of_other_itineraries_are_not_touched(
    session: Session, actor: Actor, base: Itinerary, mammobus: MobileUnit
) -> None:
    """On Friday the unit is somewhere else, by another itinerary: it is not free then."""
    also = factories_planning.draft_with_stop(session, actor, mammobus, FRIDAY, women=6)
    factories_planning.publish(session, actor, also, NOW)
    shift = proposed(session, actor, out(base, mammobus))[RepairKind.SHIFT]
    assert {each.stop_id for each in shift.moved} == {stop.id for stop in base.stops}
    assert shift.moved[0].to is not None
    assert shift.moved[0].to.days == (MONDAY, TUESDAY)


def test_what_is_free_after_a_repair_is_filled_by_planning_its_draft_anew(
    session: Session, actor: Actor, base: Itinerary, mammobus: MobileUnit
) -> None:
    """The stops that are left stay and continue the published ones; the unit is out; the new draft revises the same."""
    request = out(base, mammobus)
    withdrawn = proposed(session, actor, request)[RepairKind.WITHDRAW]
    repaired = repair.accept_repair(session, actor, request, withdrawn.key)
    place = site(session, actor.provider_id, {Programme.BREAST: 6})
    anew = PlanRequest(
        name="Wiosna", first_day=base.first_day, last_day=base.last_day, itinerary_id=repaired.id, seconds=0
    )
    problem = planning.problem_for(session, actor, anew)
    [kept] = problem.fixed
    assert (kept.site_id, kept.days) == (base.stops[1].site_id, (MONDAY, TUESDAY))
    assert Period(WEDNESDAY, THURSDAY) in problem.units[0].unavailable
    plan = plan_of(problem, [kept, PlannedStop(mammobus.id, place.id, (FRIDAY,), 6)])
    made = planning.keep_plan(session, actor, anew, plan)
    origins = {stop.site_id: stop.origin_id for stop in made.stops}
    assert origins == {place.id: None, base.stops[1].site_id: base.stops[1].id}
    assert made.revises_id == base.id
    left = {each.code for each in planning.violations(session, actor, made.id)}
    assert left == {"fixed_stop_changed"}
