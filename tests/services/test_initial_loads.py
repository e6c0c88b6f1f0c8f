"""Initial loads: the whole file is right or nothing is stored; then every visit goes, and what is refused is told."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.initial_loads import InitialLoad, InitialLoadRow, LoadedRowState
from mobile_units.models.service_places import ServicePlaceStatus
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.transmissions import MessageState, OutboxDependency, OutboxMessage
from mobile_units.models.visits import Visit, VisitChange
from mobile_units.models.women import IdentityKind, Woman
from mobile_units.rules.programmes import Path
from mobile_units.rules.roles import Role
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy, VisitSource, VisitStatus
from mobile_units.services import initial_loads, visits, women
from mobile_units.services.actors import Actor
from mobile_units.services.initial_loads import LoadFilter, LoadResult, NewLoad
from mobile_units.services.visits import Cancellation, Move, NewVisit
from mobile_units.transmission import outbox
from tests import factories, factories_booking
from tests.factories_booking import DAY, NOW
from tests.services.test_tables import xlsx

COLUMNS = (
    "cell_code",
    "day",
    "time",
    "path",
    "urgent",
    "pesel",
    "document_country",
    "document_number",
    "birth_date",
    "given_name",
    "family_name",
    "telephone",
    "override_reason",
    "site_code",
)
Line = Mapping[str, str]


def slot(session: Session, actor: Actor, path: Path = Path.MAMMOGRAPHY, capacity: int = 5, **given: Any) -> Slot:
    """A slot at nine, on a schedule of its own."""
    return factories_booking.slot(session, actor.provider_id, path, capacity=capacity, **given)


def line(where: Slot, **given: str) -> Line:
    """A right row of a new woman in this slot."""
    started = {
        "cell_code": where.schedule.service_place.cell_code,
        "day": DAY.isoformat(),
        "time": "09:00",
        "path": where.schedule.path.value,
        "pesel": factories_booking.pesel(),
        "given_name": "Ewa",
        "family_name": "Zmyślona",
        "telephone": "601 000 000",
    }
    return started | given


def table(*lines: Line) -> bytes:
    """The file with these rows."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue().encode()


def load(session: Session, actor: Actor, *lines: Line, **terms: Any) -> LoadResult:
    """Loads a file of these rows."""
    command = NewLoad(file_name="wizyty.csv", content=table(*lines), **terms)
    return initial_loads.load(session, actor, command, NOW)


def problems(session: Session, act: Callable[[], object]) -> list[tuple[int, str | None, str]]:
    """Row, column and code of all that is wrong with a file, of which nothing is stored."""
    before = [session.scalar(select(func.count()).select_from(entity)) for entity in (Visit, Woman, InitialLoad)]
    with pytest.raises(DomainError) as caught, session.begin_nested():
        act()
    after = [session.scalar(select(func.count()).select_from(entity)) for entity in (Visit, Woman, InitialLoad)]
    assert (caught.value.code, after) == ("import_refused", before)
    return [(each.row, each.column, each.code) for each in caught.value.facts["problems"]]


def loaded(session: Session, actor: Actor) -> list[Visit]:
    """The visits of the provider, in the order of the file."""
    query = select(Visit).join(InitialLoadRow, InitialLoadRow.visit_id == Visit.id)
    return list(session.scalars(query.where(Visit.provider_id == actor.provider_id).order_by(InitialLoadRow.row)))


def rows(session: Session) -> list[InitialLoadRow]:
    """All rows of loads, in the order of the file."""
    return list(session.scalars(select(InitialLoadRow).order_by(InitialLoadRow.chunk_id, InitialLoadRow.row)))


def required(session: Session, message: OutboxMessage | None) -> set[tuple[MessageKind, int]]:
    """What a message waits for."""
    assert message is not None
    query = select(OutboxMessage).join(OutboxDependency, OutboxDependency.requires_id == OutboxMessage.id)
    found = session.scalars(query.where(OutboxDependency.message_id == message.id))
    return {(each.kind, each.subject_id) for each in found}


# taking in


def test_each_row_becomes_a_visit(session: Session, actor: Actor) -> None:
    """In its slot, with its range and rule, its history and its trace in the audit log."""
    where = slot(session, actor)
    done = load(session, actor, line(where), line(where, urgent="tak"))
    assert (done.rows, done.chunks, done.women_registered) == (2, 1, 2)
    first, second = loaded(session, actor)
    assert (first.status, first.source, first.slot_id) == (VisitStatus.BOOKED, VisitSource.INITIAL_LOAD, where.id)
    assert (first.urgent, second.urgent, first.passed_at) == (False, True, None)
    assert first.contract_range.product_code == "10.7940.159.02"
    assert first.eligibility_rule_id is not None
    assert first.woman.family_name == "Zmyślona"
    session.refresh(where)
    assert where.taken == 2
    history = session.scalars(select(VisitChange).where(VisitChange.visit_id == first.id)).one()
    assert (history.from_status, history.to_status) == (None, VisitStatus.BOOKED)
    acts = select(AuditEntry.action).where(AuditEntry.subject == "woman", AuditEntry.subject_id == first.woman_id)
    assert session.scalars(acts.order_by(AuditEntry.id)).all() == ["register", "visit_load"]


def test_a_spreadsheet_is_read_as_well(session: Session, actor: Actor) -> None:
    """With its own days and times."""
    where = slot(session, actor)
    given = line(where)
    cells: list[list[object]] = [list(given), [*given.values()]]
    day, clock = list(given).index("day"), list(given).index("time")
    cells[1][day], cells[1][clock] = datetime(DAY.year, DAY.month, DAY.day), time(9)  # noqa: DTZ001 -- a cell has no zone
    command = NewLoad(file_name="wizyty.xlsx", content=xlsx(*cells))
    assert initial_loads.load(session, actor, command, NOW).rows == 1


def test_a_woman_who_is_known_is_not_registered_again(session: Session, actor: Actor) -> None:
    """By PESEL or by document; what we know of her stays."""
    known, where = factories_booking.woman(session, actor.provider_id), slot(session, actor)
    document = {
        "pesel": "",
        "document_country": "DE",
        "document_number": "c01 x00t47",
        "birth_date": "1970-01-31",
    }
    done = load(session, actor, line(where, pesel=known.identity_number), line(where, **document))
    assert done.women_registered == 1
    first, second = loaded(session, actor)
    assert (first.woman_id, known.family_name) == (known.id, "Testowa")
    assert (second.woman.identity_kind, second.woman.identity_number) == (IdentityKind.DOCUMENT, "DE:C01X00T47")


def test_a_woman_may_have_a_visit_in_each_programme(session: Session, actor: Actor) -> None:
    """She is registered once."""
    breast, cervix = slot(session, actor), slot(session, actor, Path.HPV_LBC)
    pesel = factories_booking.pesel()
    done = load(session, actor, line(breast, pesel=pesel), line(cervix, pesel=pesel))
    assert (done.rows, done.women_registered) == (2, 1)


def test_the_schedule_of_her_path_comes_first(session: Session, actor: Actor) -> None:
    """One of another path of the programme does where there is no such."""
    place = slot(session, actor, Path.HPV_LBC).schedule.service_place
    ours = factories_booking.schedule(session, actor.provider_id, Path.CLASSIC_CYTOLOGY, place=place)
    cytology = slot(session, actor, of=ours)
    given = line(
        cytology, path="classic_cytology", site_code=str(ours.mobile_point and ours.mobile_point.stop.site.code)
    )
    load(session, actor, given)
    assert loaded(session, actor)[0].slot_id == cytology.id
    other = slot(session, actor, Path.HPV_LBC)
    load(session, actor, line(other, path="classic_cytology"))
    assert other.id in {visit.slot_id for visit in loaded(session, actor)}


def test_a_trial_stores_nothing(session: Session, actor: Actor) -> None:
    """And says what would be done."""
    done = load(session, actor, line(slot(session, actor)), dry_run=True)
    assert (done.load_id, done.rows, done.chunks) == (None, 1, 1)
    assert loaded(session, actor) == []


# refusing


def test_every_fault_of_the_file_is_told_at_once(session: Session, actor: Actor) -> None:
    """With row and column, and nothing is stored."""
    where, blocked = slot(session, actor, capacity=1), slot(session, actor)
    blocked.status = SlotStatus.BLOCKED
    past = slot(session, actor, day=date(2027, 2, 1))
    found = problems(
        session,
        lambda: load(
            session,
            actor,
            line(where, pesel="12345678901"),
            line(where, pesel=""),
            line(where, document_country="DE", document_number="1"),
            line(where, pesel="", document_country="1", document_number="1"),
            line(where, pesel="", document_country="DE", document_number="1"),
            line(where, cell_code="xyz"),
            line(where, time="09:01"),
            line(where, time="25:00", path="x"),
            line(where, day="2027-03-28", time="02:30"),
            line(where),
            line(where),
            line(blocked),
            line(past, day="2027-02-01"),
            line(where, given_name=""),
        ),
    )
    assert found == [
        (2, "pesel", "pesel_invalid"),
        (3, "pesel", "value_missing"),
        (4, "pesel", "given_twice"),
        (5, "document_number", "document_invalid"),
        (6, "birth_date", "birth_date_invalid"),
        (7, "time", "no_slot_there"),
        (8, "time", "no_slot_there"),
        (9, "time", "value_not_time"),
        (9, "path", "value_not_known"),
        (10, "time", "no_such_local_time"),
        (12, "time", "slot_full"),
        (13, "time", "slot_not_open"),
        (14, "day", "slot_in_the_past"),
        (15, "given_name", "value_missing"),
    ]


def test_the_same_visit_twice_is_a_fault(session: Session, actor: Actor) -> None:
    """In the file, or here already; another visit in the programme is one as well."""
    where, other = slot(session, actor), slot(session, actor)
    pesel = factories_booking.pesel()
    twice = problems(session, lambda: load(session, actor, line(where, pesel=pesel), line(other, pesel=pesel)))
    assert twice == [(3, None, "row_repeated")]
    woman = factories_booking.woman(session, actor.provider_id)
    visits.book(session, actor, NewVisit(woman_id=woman.id, slot_id=where.id, path=Path.MAMMOGRAPHY), NOW)
    known = {"pesel": woman.identity_number}
    assert problems(session, lambda: load(session, actor, line(where, **known))) == [(2, None, "visit_known")]
    assert problems(session, lambda: load(session, actor, line(other, **known))) == [(2, None, "parallel_visit")]


def test_the_same_file_twice_is_refused(session: Session, actor: Actor) -> None:
    """By what it holds, whatever its name; another provider may load it."""
    lines = [line(slot(session, actor))]
    load(session, actor, *lines)
    with pytest.raises(DomainError) as caught:
        load(session, actor, *lines)
    assert caught.value.code == "file_loaded_before"
    stranger = Actor(factories.provider(session).id)
    assert problems(session, lambda: load(session, stranger, *lines)) == [(2, "time", "no_slot_there")]


def test_a_rule_is_set_aside_by_the_right_that_booking_asks_for(session: Session, actor: Actor) -> None:
    """A reason and a midwife; what is wrong tells nothing of her health."""
    where = slot(session, actor)
    young = {"pesel": factories_booking.pesel(date(2000, 1, 1))}
    refused = problems(session, lambda: load(session, actor, line(where, **young)))
    assert refused == [(2, None, "not_eligible")]
    reason = young | {"override_reason": "wskazanie lekarza"}
    refused = problems(session, lambda: load(session, actor, line(where, **reason)))
    assert refused == [(2, "override_reason", "not_allowed")]
    load(session, replace(actor, roles=frozenset({Role.MIDWIFE})), line(where, **reason), line(where))
    assert [visit.override_reason for visit in loaded(session, actor)] == ["wskazanie lekarza", None]


def test_an_examination_done_before_counts(session: Session, actor: Actor) -> None:
    """As for a booking: what she had here and what she told."""
    woman = factories_booking.woman(
        session,
        actor.provider_id,
        examinations=[],
    )
    woman.declaration = {"examinations": [{"path": "mammography", "performed_on": "2027-01-10"}]}
    session.flush()
    given = line(slot(session, actor), pesel=woman.identity_number)
    assert problems(session, lambda: load(session, actor, given)) == [(2, None, "not_eligible")]


def test_a_path_without_a_contract_is_a_fault(session: Session, actor: Actor) -> None:
    """Of the column path."""
    factories_booking.contract(session, actor.provider_id, ["01.0034.102.01"])
    where = slot(session, actor, Path.HPV_LBC)
    found = problems(session, lambda: load(session, actor, line(where, path="classic_cytology")))
    assert found == [(2, "path", "no_contracted_range")]


def test_two_sites_at_one_time_need_a_code(session: Session, actor: Actor) -> None:
    """Otherwise she might be sent to the wrong town."""
    here = slot(session, actor)
    schedule = factories_booking.schedule(session, actor.provider_id, place=here.schedule.service_place)
    there = slot(session, actor, of=schedule)
    assert problems(session, lambda: load(session, actor, line(here))) == [(2, "time", "slot_ambiguous")]
    point = schedule.mobile_point
    assert point is not None
    load(session, actor, line(here, site_code=point.stop.site.code))
    assert [visit.slot_id for visit in loaded(session, actor)] == [there.id]


# sending


def test_chunks_go_by_day_behind_the_slots_and_the_activation(session: Session, actor: Actor) -> None:
    """Each is a message of its own, due by its first day."""
    late, early = slot(session, actor, day=DAY + timedelta(days=1)), slot(session, actor)
    early.schedule.service_place.status = ServicePlaceStatus.ACTIVE
    subjects = {
        MessageKind.SAVE_SLOTS: late.schedule_id,
        MessageKind.ACTIVATE_SERVICE_PLACE: late.schedule.service_place_id,
    }
    for kind, subject_id in subjects.items():
        outbox.enqueue(session, provider_id=actor.provider_id, kind=kind, subject_id=subject_id, service_day=DAY)
    tomorrow = (DAY + timedelta(days=1)).isoformat()
    done = load(session, actor, line(late, day=tomorrow), line(early), line(early), chunk_size=2)
    assert done.chunks == 2
    of_load = OutboxMessage.kind == MessageKind.LOAD_VISITS
    first, second = session.scalars(
        select(OutboxMessage).where(of_load, OutboxMessage.provider_id == actor.provider_id).order_by(OutboxMessage.id)
    )
    assert (first.service_day, second.service_day) == (DAY, DAY + timedelta(days=1))
    assert (required(session, first), required(session, second)) == (set(), set(subjects.items()))
    assert [row.row for row in rows(session) if row.chunk_id == first.subject_id] == [3, 4]


def test_a_chunk_waits_for_who_left_its_slots(session: Session, actor: Actor) -> None:
    """The centre has to hear first that the place is free."""
    where = slot(session, actor, capacity=1)
    woman = factories_booking.woman(session, actor.provider_id)
    command = NewVisit(woman_id=woman.id, slot_id=where.id, path=Path.MAMMOGRAPHY)
    visit = visits.book(session, actor, command, NOW)
    visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.WOMAN))
    load(session, actor, line(where))
    message = outbox.latest(session, MessageKind.LOAD_VISITS, rows(session)[-1].chunk_id)
    left = {(MessageKind.SAVE_VISIT, visit.id), (MessageKind.CANCEL_VISIT, visit.id)}
    assert required(session, message) == left


def test_later_messages_of_a_visit_wait_for_its_chunk(session: Session, actor: Actor) -> None:
    """A cancellation must not reach the centre before the visit."""
    load(session, actor, line(slot(session, actor)))
    (visit,) = loaded(session, actor)
    chunk = (MessageKind.LOAD_VISITS, rows(session)[-1].chunk_id)
    visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.WOMAN))
    assert required(session, outbox.latest(session, MessageKind.CANCEL_VISIT, visit.id)) == {chunk}


def test_a_visit_that_moved_waits_through_the_one_it_left(session: Session, actor: Actor) -> None:
    """The new visit is an ordinary one behind the cancellation, which is behind the chunk."""
    load(session, actor, line(slot(session, actor)))
    (visit,) = loaded(session, actor)
    new = visits.move(session, actor, visit.id, Move(version=visit.version, slot_id=slot(session, actor).id), NOW)
    cancelled = (MessageKind.CANCEL_VISIT, visit.id)
    assert cancelled in required(session, outbox.latest(session, MessageKind.SAVE_VISIT, new.id))


# what became of it


def answered(session: Session, actor: Actor) -> LoadResult:
    """A load of three rows: one accepted, one refused, one waiting."""
    where = slot(session, actor)
    done = load(session, actor, *(line(where) for _ in range(3)))
    first, second, _ = rows(session)[-3:]
    first.state = LoadedRowState.ACCEPTED
    second.state, second.code, second.rule, second.description = LoadedRowState.REFUSED, "blad", "REG.WER.1", "=opis"
    session.flush()
    return done


def test_the_status_counts_rows_and_tells_the_messages(session: Session, actor: Actor) -> None:
    """So that progress can be shown."""
    done = answered(session, actor)
    assert done.load_id is not None
    status = initial_loads.status(session, actor, done.load_id)
    assert (status.rows, status.accepted, status.refused, status.waiting, status.done) == (3, 1, 1, 1, False)
    assert [(each.number, each.rows, each.state) for each in status.chunks] == [(1, 3, MessageState.PENDING)]
    assert [each.id for each in initial_loads.find(session, actor, LoadFilter()).items] == [done.load_id]
    stranger = Actor(factories.provider(session).id)
    assert initial_loads.find(session, stranger, LoadFilter()).items == []
    for ask in (initial_loads.status, initial_loads.refused_rows):
        with pytest.raises(DomainError):
            ask(session, stranger, done.load_id)


def test_refused_rows_are_reported(session: Session, actor: Actor) -> None:
    """As a table that no spreadsheet takes for formulas, and as JSON; nothing names a woman."""
    done = answered(session, actor)
    assert done.load_id is not None
    refused = initial_loads.refused_rows(session, actor, done.load_id)
    heading, row = csv.reader(io.StringIO(initial_loads.as_csv(refused)))
    assert heading == ["row", "visit_id", "code", "rule", "description", "passed"]
    assert (row[0], row[2:]) == ("3", ["blad", "REG.WER.1", "'=opis", "False"])
    assert json.loads(initial_loads.as_json(refused))[0]["description"] == "=opis"


@pytest.mark.parametrize("beginning", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_of_the_report_is_a_formula(beginning: str) -> None:
    """The central system writes the description."""
    row = initial_loads.RefusedRow(1, 2, 3, "blad", None, f"{beginning}1+1", passed=False)
    _, cells = csv.reader(io.StringIO(initial_loads.as_csv([row]), newline=""))
    assert cells[4] == f"'{beginning}1+1"


def test_a_refused_row_is_sent_again_as_any_visit(session: Session, actor: Actor) -> None:
    """Once it is corrected; others are not."""
    done = answered(session, actor)
    assert done.load_id is not None
    (refused,) = initial_loads.refused_rows(session, actor, done.load_id)
    initial_loads.resend(session, actor, done.load_id, refused.id)
    assert outbox.latest(session, MessageKind.SAVE_VISIT, refused.visit_id) is not None
    for row_id, code in ((rows(session)[-1].id, "row_not_refused"), (0, "not_found")):
        with pytest.raises(DomainError) as caught:
            initial_loads.resend(session, actor, done.load_id, row_id)
        assert caught.value.code == code


def test_a_refused_visit_that_is_cancelled_is_not_told(session: Session, actor: Actor) -> None:
    """The centre never had it; once it was sent again, it may."""
    done = answered(session, actor)
    assert done.load_id is not None
    (refused,) = initial_loads.refused_rows(session, actor, done.load_id)
    visit = session.get_one(Visit, refused.visit_id)
    visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.WOMAN))
    assert outbox.latest(session, MessageKind.CANCEL_VISIT, visit.id) is None
    with pytest.raises(DomainError, match="visit_over"):
        initial_loads.resend(session, actor, done.load_id, refused.id)


def test_a_corrected_woman_is_told_behind_the_chunk(session: Session, actor: Actor) -> None:
    """What was loaded has no message of its own; a refused row is sent again by the correction alone."""
    answered(session, actor)
    for row in rows(session)[-2:]:
        visit = session.get_one(Visit, row.visit_id)
        women.change(session, actor, visit.woman_id, visit.woman.version, {"telephone": "602 000 000"}, NOW.date())
        chunk = (MessageKind.LOAD_VISITS, row.chunk_id)
        assert required(session, outbox.latest(session, MessageKind.SAVE_VISIT, visit.id)) == {chunk}
