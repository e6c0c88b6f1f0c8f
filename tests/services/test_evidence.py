"""The document about a visit: complete, honest, sealed, audited, and without the woman."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.initial_loads import InitialLoad, InitialLoadChunk, InitialLoadRow
from mobile_units.models.transmissions import AttemptOutcome, MessageState
from mobile_units.models.visits import Visit
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services import evidence
from mobile_units.services.actors import Actor
from schemas.evidence import EvidenceSchema
from tests import factories, factories_log

MORNING = datetime(2027, 3, 10, 7, tzinfo=UTC)
"""Of the service day; in Poland it is eight."""
NEXT_DAY = MORNING + timedelta(days=1)
MINUTE = timedelta(minutes=1)
EVENT = "0b3c1c1e-5a0f-4f5e-9f43-0f5bd0e4d8b7"


@pytest.fixture
def visit(session: Session, actor: Actor) -> Visit:
    """A visit that was booked a day before."""
    return factories_log.visit(session, actor.provider_id, created_at=MORNING - timedelta(days=1))


def fail(session: Session, visit: Visit, times: int = 3, **values: Any) -> None:
    """The visit's message, which met a failure of the centre every ten minutes until an answer on the next day."""
    stored = factories_log.of_visit(session, visit, created_at=MORNING - MINUTE, **values)
    for n in range(times):
        factories_log.attempt(
            session,
            stored,
            MORNING + 10 * n * MINUTE,
            AttemptOutcome.RETRYABLE,
            "bladWewnetrzny",
            f"Błąd wewnętrzny, zdarzenie {EVENT}",
            event_uuid=EVENT,
        )
    if stored.state is MessageState.ACCEPTED:
        factories_log.attempt(session, stored, NEXT_DAY)


def read(session: Session, actor: Actor, visit: Visit, now: datetime = NEXT_DAY + MINUTE) -> dict[str, Any]:
    """The document as it is read afterwards."""
    session.expire_all()
    return evidence.read(session, actor, visit.id, now)


def test_it_shows_a_visit_passed_late_because_of_the_centre(session: Session, actor: Actor, visit: Visit) -> None:
    """With every attempt, the outage, the verdict and the rule."""
    visit.passed_at = NEXT_DAY + timedelta(seconds=1)
    fail(session, visit, state=MessageState.ACCEPTED, accepted_at=visit.passed_at)
    document = read(session, actor, visit)
    assert (document["verdict"]["timing"], document["verdict"]["reason"]) == ("passed_late", "fault_of_the_centre")
    assert "przed udzieleniem świadczenia" in document["duty"]["rule_pl"]
    assert document["duty"]["time_was_up_at"]["polish"] == "2027-03-11T00:00:00.000+01:00"
    (message,) = document["messages"]
    assert [attempt["outcome"] for attempt in message["attempts"]] == ["retryable"] * 3 + ["delivered"]
    first = message["attempts"][0]
    assert first["started_at"] == {"utc": "2027-03-10T07:00:00.000Z", "polish": "2027-03-10T08:00:00.000+01:00"}
    assert (first["milliseconds"], first["ended_at"]["utc"]) == (400, "2027-03-10T07:00:00.400Z")
    assert (first["code"], first["event_uuid"]) == ("bladWewnetrzny", EVENT)
    assert (first["endpoint"], first["certificate"]) == (factories_log.ENDPOINT, factories_log.CERTIFICATE)
    (outage,) = document["outages"]
    assert (outage["failed_calls"], outage["side"], outage["momentary"]) == (3, "centre", False)
    assert (outage["begun_at"]["utc"], outage["ended_at"]["utc"]) == (
        "2027-03-10T07:00:00.000Z", "2027-03-11T07:00:00.000Z"
    )  # fmt: skip
    assert outage["milliseconds"] == 24 * 3_600_000


def test_it_says_what_visit_it_is_about_and_not_who_she_is(session: Session, actor: Actor, visit: Visit) -> None:
    """Place, time, code and contract; no name, no number, no birth date, no telephone."""
    fail(session, visit)
    document = read(session, actor, visit)
    facts = document["visit"]
    assert (facts["uuid"], facts["service_day"]) == (str(visit.uuid), "2027-03-10")
    assert (facts["product_code"], facts["mobile_point"]) == ("10.7940.159.02", "Wieluń, Plac Legionów")
    assert facts["contract_number"] == visit.contract_range.contract.number
    assert facts["booked_at"]["utc"] == "2027-03-09T07:00:00.000Z"
    told = json.dumps(document, ensure_ascii=False)
    woman = visit.woman
    for secret in (woman.identity_number, woman.given_name, woman.family_name, woman.birth_date, woman.telephone):
        assert secret is not None
        assert secret not in told


def test_its_digest_is_that_of_all_the_rest(session: Session, actor: Actor, visit: Visit) -> None:
    """Anybody can compute it again from the JSON, by the form that is described; all numbers are whole."""
    fail(session, visit)
    document = json.loads(json.dumps(read(session, actor, visit)))
    stated = document.pop("sha256")
    form = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(form.encode()).hexdigest() == stated
    assert json.loads(form, parse_float=lambda number: pytest.fail(f"{number} is not whole"))
    document["visit"]["urgent"] = True
    assert hashlib.sha256(evidence.canonical(document)).hexdigest() != stated


def test_every_member_is_described_and_none_is_missing(session: Session, actor: Actor, visit: Visit) -> None:
    """The schema is the description of the shape; it knows neither more nor less."""
    slots = factories_log.message(
        session, actor.provider_id, MessageState.REJECTED, MessageKind.SAVE_SLOTS, visit.slot.schedule_id
    )
    fail(session, visit, requires=[slots])
    document = json.loads(json.dumps(read(session, actor, visit)))
    assert EvidenceSchema().validate(document) == {}
    assert EvidenceSchema().dump(EvidenceSchema().load(document)) == document


def test_reading_it_is_audited(session: Session, actor: Actor, visit: Visit) -> None:
    """As reading of the woman's visit."""
    read(session, actor, visit)
    read_by_us = AuditEntry.provider_id == actor.provider_id, AuditEntry.action == "visit_evidence_read"
    entry = session.scalars(select(AuditEntry).where(*read_by_us)).one()
    assert (entry.subject, entry.subject_id) == ("woman", visit.woman_id)


def test_it_shows_what_the_visit_waited_for(session: Session, actor: Actor, visit: Visit) -> None:
    """Directly or through others, but not what was accepted before; the refusal of it is the reason."""
    provider_id, schedule_id = actor.provider_id, visit.slot.schedule_id
    earlier = MORNING - timedelta(hours=1)
    before = factories_log.message(
        session, provider_id, MessageState.ACCEPTED, MessageKind.SAVE_SERVICE_PLACE, accepted_at=earlier
    )
    schedule = factories_log.message(
        session, provider_id, MessageState.REJECTED, MessageKind.SAVE_SCHEDULE, schedule_id, requires=[before]
    )
    slots = factories_log.message(
        session, provider_id, MessageState.PENDING, MessageKind.SAVE_SLOTS, schedule_id, requires=[schedule]
    )
    factories_log.attempt(
        session, schedule, MORNING, AttemptOutcome.REJECTED, "BladWeryfikacjiRegul", "REG.WER.3: Punkt nieznany"
    )
    factories_log.of_visit(session, visit, created_at=MORNING - MINUTE, requires=[slots])
    document = read(session, actor, visit)
    assert [each["id"] for each in document["waited_for"]] == [schedule.id, slots.id]
    first = document["waited_for"][0]
    assert "Wieluń" in first["subject_pl"]
    assert first["attempts"][0]["code_meaning_pl"].startswith("Mobilny punkt obsługi nie został zarejestrowany.")
    assert document["verdict"]["finding"] == "earlier_refused"


def test_what_was_accepted_before_the_visit_changed_does_not_decide(
    session: Session, actor: Actor, visit: Visit
) -> None:
    """After a change of the path the visit is not passed until its newer message is accepted."""
    first = factories_log.of_visit(
        session, visit, MessageState.ACCEPTED, created_at=MORNING - 60 * MINUTE, accepted_at=MORNING - 50 * MINUTE
    )
    factories_log.attempt(session, first, MORNING - 50 * MINUTE)
    second = factories_log.of_visit(session, visit, MessageState.REJECTED, created_at=MORNING)
    factories_log.attempt(session, second, MORNING + MINUTE, AttemptOutcome.REJECTED, "x")
    assert read(session, actor, visit)["verdict"]["finding"] == "refused"


def test_the_message_of_an_initial_load_counts_as_the_visits_own(session: Session, actor: Actor, visit: Visit) -> None:
    """It told of many visits at once."""
    load = InitialLoad(provider_id=actor.provider_id, file_name="wizyty.csv", digest="d")
    session.add(load)
    session.flush()
    chunk = InitialLoadChunk(
        provider_id=actor.provider_id, load_id=load.id, number=1, rows=[InitialLoadRow(row=2, visit_id=visit.id)]
    )
    session.add(chunk)
    session.flush()
    stored = factories_log.message(
        session, actor.provider_id, MessageState.PENDING, MessageKind.LOAD_VISITS, chunk.id, created_at=MORNING
    )
    factories_log.attempt(session, stored, MORNING + MINUTE, AttemptOutcome.OUTCOME_UNKNOWN, None, "ReadTimeout")
    document = read(session, actor, visit)
    assert [each["kind"] for each in document["messages"]] == ["load_visits"]
    assert document["verdict"]["finding"] == "centre_failed"


def test_a_visit_without_any_message_is_told_as_it_is(session: Session, actor: Actor, visit: Visit) -> None:
    """Nothing was stored, so nothing excuses it."""
    document = read(session, actor, visit)
    assert (document["messages"], document["outages"]) == ([], [])
    assert document["verdict"]["finding"] == "entered_late"


def test_a_visit_is_found_by_its_key_or_uuid(session: Session, actor: Actor, visit: Visit) -> None:
    """Anything else, and a visit of another provider, is not found."""
    assert evidence.find_visit(session, actor, str(visit.id)) == visit.id
    assert evidence.find_visit(session, actor, str(visit.uuid)) == visit.id
    stranger = Actor(factories.provider(session).id)
    for asking, reference in ((stranger, str(visit.id)), (stranger, str(visit.uuid)), (actor, "x"), (actor, "9" * 30)):
        with pytest.raises(DomainError, match="not_found"):
            evidence.find_visit(session, asking, reference)
    with pytest.raises(DomainError, match="not_found"):
        evidence.read(session, stranger, visit.id, NEXT_DAY)


@pytest.mark.parametrize("attempts", [0, 1, 120])
def test_it_is_printed(session: Session, actor: Actor, visit: Visit, attempts: int) -> None:
    """However many attempts there were; a hundred and twenty take several pages."""
    fail(session, visit, attempts)
    printed = evidence.pdf(read(session, actor, visit))
    assert printed.startswith(b"%PDF-")
    pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert pages >= 4 if attempts == 120 else pages in {1, 2}
