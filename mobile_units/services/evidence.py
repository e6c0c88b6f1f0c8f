"""Evidence of how a visit was passed to the central e-registration, or why it was not: one document, JSON and PDF.

The exception for technical faults is claimed with it, so it shows everything that the log holds about the visit and
claims nothing else. It names no woman.

The JSON has a stable shape (`FORMAT`, described in `schemas.evidence`) and whole numbers only. Its last member `sha256`
is the SHA-256 of the canonical form of all others: keys sorted, no white space, letters as they are, UTF-8. Whoever has
the JSON can compute it again; the PDF prints it, so that the two belong together.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, select, text
from sqlalchemy.orm import Session, joinedload, selectinload

from mobile_units.clock import WARSAW
from mobile_units.errors import DomainError
from mobile_units.models.contracts import ContractRange
from mobile_units.models.initial_loads import InitialLoadRow
from mobile_units.models.providers import Provider
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot
from mobile_units.models.transmissions import AttemptOutcome, MessageState, OutboxMessage, TransmissionAttempt
from mobile_units.models.visits import Visit
from mobile_units.rules.calendar import local_day
from mobile_units.rules.evidence import (
    LEGAL_RULE_PL,
    LEGAL_RULE_SOURCE_PL,
    Case,
    Reason,
    Timing,
    Verdict,
    judge,
    time_is_up,
)
from mobile_units.rules.outages import Call, Side, Sign, sign_of
from mobile_units.rules.refusals import MEANINGS, meaning_of, rule_in
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import VisitSource
from mobile_units.services import outages, subjects
from mobile_units.services.actors import Actor, audit
from mobile_units.services.outages import EndpointOutage
from mobile_units.services.words import KINDS_PL, OUTCOMES_PL, STATES_PL

FORMAT = "mobile-units/evidence/1"
MILLISECOND = timedelta(milliseconds=1)
TEMPLATE = Path(__file__).with_name("evidence.typ")

TIMINGS_PL = {
    Timing.IN_TIME: "przekazana w terminie",
    Timing.LATE: "przekazana po terminie",
    Timing.NOT_PASSED: "nieprzekazana",
    Timing.STILL_TIME: "nieprzekazana, termin jeszcze trwa",
}
REASONS_PL = {
    Reason.URGENT: "wizyta pilna (wyjątek od obowiązku)",
    Reason.CENTRE: "awaria techniczna po stronie Centralnej e-Rejestracji",
    Reason.OURS: "przyczyna po stronie świadczeniodawcy",
    Reason.REFUSAL: "odrzucenie komunikatu ze względu na jego treść",
    Reason.UNDETERMINED: "przyczyny nie można ustalić na podstawie dziennika",
}
SIGNS_PL = {
    Sign.ACCEPTED: "system odpowiedział: przyjęto",
    Sign.REFUSED: "system odpowiedział: odrzucono treść",
    Sign.NOT_LET_IN: "system odpowiedział: nie przyjęto certyfikatu, podpisu lub konta",
    Sign.SERVER_ERROR: "system zgłosił własny błąd",
    Sign.NO_ANSWER: "wysłano, brak odpowiedzi",
    Sign.NO_CONNECTION: "brak połączenia",
    Sign.NO_CALL: "nic nie wysłano",
    Sign.UNCLEAR: "przyczyna niejasna",
}
SIDES_PL = {
    Side.CENTRE: "system centralny",
    Side.OURS: "świadczeniodawca",
    Side.UNCLEAR: "nie do ustalenia",
}
SOURCES_PL = {
    VisitSource.PROVIDER: "u świadczeniodawcy",
    VisitSource.IKP: "w Internetowym Koncie Pacjenta",
    VisitSource.INITIAL_LOAD: "przed integracją (zasilenie inicjalne)",
}


def find_visit(session: Session, actor: Actor, reference: str) -> int:
    """The key of the visit with this key or UUID.

    Raises:
        DomainError: `not_found`.
    """
    own = select(Visit.id).where(Visit.provider_id == actor.provider_id)
    if reference.isdecimal() and len(reference) < 19:
        found = session.scalar(own.where(Visit.id == int(reference)))
    else:
        try:
            found = session.scalar(own.where(Visit.uuid == UUID(reference)))
        except ValueError:
            found = None
    if found is None:
        raise DomainError("not_found", what=f"Visit {reference}")
    return found


def read(session: Session, actor: Actor, visit_id: int, now: datetime) -> dict[str, Any]:
    """The document about a visit as things stand at the instant `now`; reading it is audited.

    Raises:
        DomainError: `not_found`.
    """
    visit = _visit(session, actor, visit_id)
    audit(session, actor, "visit_evidence_read", "woman", visit.woman_id)
    own = _messages_about(session, visit)
    waited_for = _waited_for(session, own)
    met = _outages(session, visit, own, now)
    verdict = judge(_case(session, visit, own, waited_for, met), now)
    return _sealed(
        {
            "format": FORMAT,
            "generated_at": _instant(now),
            "provider": _provider(session, visit),
            "visit": _visit_facts(visit),
            "duty": _duty(visit),
            "verdict": _verdict(visit, verdict),
            "messages": [_message(message) for message in own],
            "waited_for": _described(session, waited_for),
            "outages": [_outage(each) for each in met],
        }
    )


def canonical(document: dict[str, Any]) -> bytes:
    """The form of a document whose SHA-256 it carries."""
    facts = {name: value for name, value in document.items() if name != "sha256"}
    return json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def pdf(document: dict[str, Any]) -> bytes:
    """The document for people: A4, in Polish, with the fonts that the typesetter brings along."""
    import typst  # noqa: PLC0415 -- only who prints needs it

    printed: bytes = typst.compile(
        TEMPLATE, sys_inputs={"evidence": json.dumps(document)}, ignore_system_fonts=True, format="pdf"
    )
    return printed


def _sealed(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "sha256": hashlib.sha256(canonical(document)).hexdigest()}


def _visit(session: Session, actor: Actor, visit_id: int) -> Visit:
    schedule = joinedload(Visit.slot).joinedload(Slot.schedule)
    loads = (
        schedule.joinedload(Schedule.service_place),
        schedule.joinedload(Schedule.mobile_point),
        joinedload(Visit.contract_range).joinedload(ContractRange.contract),
    )
    own = Visit.id == visit_id, Visit.provider_id == actor.provider_id
    found = session.scalars(select(Visit).where(*own).options(*loads)).one_or_none()
    if found is None:
        raise DomainError("not_found", what=f"Visit {visit_id}")
    return found


def _messages_about(session: Session, visit: Visit) -> Sequence[OutboxMessage]:
    """The messages of the visit and that of the initial load that carried it, oldest first."""
    chunks = select(InitialLoadRow.chunk_id).where(InitialLoadRow.visit_id == visit.id)
    of_visit = and_(
        OutboxMessage.kind.in_([MessageKind.SAVE_VISIT, MessageKind.CANCEL_VISIT]),
        OutboxMessage.subject_id == visit.id,
    )
    of_load = and_(OutboxMessage.kind == MessageKind.LOAD_VISITS, OutboxMessage.subject_id.in_(chunks))
    query = select(OutboxMessage).where(OutboxMessage.provider_id == visit.provider_id, or_(of_visit, of_load))
    return session.scalars(query.options(selectinload(OutboxMessage.log)).order_by(OutboxMessage.id)).all()


_REQUIRED = text("""
WITH RECURSIVE required (id) AS (
    SELECT message.id FROM outbox_messages AS held
    JOIN outbox_dependencies AS dependency ON dependency.message_id = held.id
    JOIN outbox_messages AS message ON message.id = dependency.requires_id
    WHERE held.id = ANY (:ids) AND (message.accepted_at IS NULL OR message.accepted_at > held.created_at)
    UNION
    SELECT message.id FROM required
    JOIN outbox_dependencies AS dependency ON dependency.message_id = required.id
    JOIN outbox_messages AS message ON message.id = dependency.requires_id
    WHERE message.accepted_at IS NULL OR message.accepted_at > CAST(:since AS timestamptz)
)
SELECT id FROM required WHERE id <> ALL (:ids)
""")


def _waited_for(session: Session, own: Sequence[OutboxMessage]) -> Sequence[OutboxMessage]:
    """What the messages had to wait for, directly or through others, oldest first."""
    saves = [message for message in own if message.kind is not MessageKind.CANCEL_VISIT]
    if not saves:
        return []
    since = min(message.created_at for message in saves)
    keys = session.scalars(_REQUIRED, {"ids": [message.id for message in saves], "since": since}).all()
    query = select(OutboxMessage).where(OutboxMessage.id.in_(keys)).options(selectinload(OutboxMessage.log))
    return session.scalars(query.order_by(OutboxMessage.id)).all()


def _outages(session: Session, visit: Visit, own: Sequence[OutboxMessage], now: datetime) -> Sequence[EndpointOutage]:
    """The outages that touch the time from the first message, or the booking, until it was passed or too late."""
    begins = min([visit.created_at, *(message.created_at for message in own)])
    ends = visit.passed_at or min(now, time_is_up(_day(visit)))
    return outages.between(session, visit.provider_id, begins, max(ends, begins))


def _case(
    session: Session,
    visit: Visit,
    own: Sequence[OutboxMessage],
    waited_for: Sequence[OutboxMessage],
    met: Sequence[EndpointOutage],
) -> Case:
    """What decides; a message that was accepted in time told of the visit as it was before it changed."""
    deadline = time_is_up(_day(visit))
    telling = [
        message
        for message in own
        if message.kind is not MessageKind.CANCEL_VISIT
        and not (message.accepted_at is not None and message.accepted_at < deadline)
    ]
    return Case(
        service_day=_day(visit),
        urgent=visit.urgent,
        passed_at=visit.passed_at,
        stored_at=min((message.created_at for message in telling), default=None),
        calls=[call_of(attempt) for message in telling for attempt in message.log],
        earlier=[call_of(attempt) for message in waited_for for attempt in message.log],
        last_call=outages.last_call(session, visit.provider_id, deadline),
        outages=[each.outage for each in met],
    )


def call_of(attempt: TransmissionAttempt) -> Call:
    """An attempt as the rules see it."""
    return Call(attempt.started_at, attempt.milliseconds, attempt.outcome.value, attempt.code, attempt.description)


def _day(visit: Visit) -> date:
    return local_day(visit.slot.starts_at)


def _instant(instant: datetime | None) -> dict[str, str] | None:
    """An instant in UTC and as clocks in Poland show it, with the offset; milliseconds."""
    if instant is None:
        return None
    utc = instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"utc": utc, "polish": instant.astimezone(WARSAW).isoformat(timespec="milliseconds")}


def _provider(session: Session, visit: Visit) -> dict[str, Any]:
    provider = session.get_one(Provider, visit.provider_id)
    return {name: getattr(provider, name) for name in ("name", "rpwdl_book", "regon", "nfz_branch")}


def _visit_facts(visit: Visit) -> dict[str, Any]:
    schedule, contract = visit.slot.schedule, visit.contract_range.contract
    place, point = schedule.service_place, schedule.mobile_point
    return {
        "id": visit.id,
        "uuid": str(visit.uuid),
        "central_identifier": f"{visit.cer_root}:{visit.cer_extension}" if visit.cer_root else None,
        "service_day": _day(visit).isoformat(),
        "starts_at": _instant(visit.slot.starts_at),
        "ends_at": _instant(visit.slot.ends_at),
        "place": place.name,
        "place_address": place.address,
        "cell_code": place.cell_code,
        "mobile_point": point.name if point else None,
        "examination_pl": visit.path.name_pl,
        "product_code": visit.contract_range.product_code,
        "contract_number": contract.number,
        "nfz_branch": contract.nfz_branch,
        "urgent": visit.urgent,
        "status": visit.status.value,
        "status_pl": visit.status.name_pl,
        "source": visit.source.value,
        "source_pl": SOURCES_PL[visit.source],
        "booked_at": _instant(visit.created_at),
    }


def _duty(visit: Visit) -> dict[str, Any]:
    return {
        "rule_pl": LEGAL_RULE_PL,
        "source_pl": LEGAL_RULE_SOURCE_PL,
        "time_was_up_at": _instant(time_is_up(_day(visit))),
    }


def _verdict(visit: Visit, verdict: Verdict) -> dict[str, Any]:
    finding, reason = verdict.finding, verdict.reason
    return {
        "timing": verdict.timing.value,
        "timing_pl": TIMINGS_PL[verdict.timing],
        "passed_at": _instant(visit.passed_at),
        "reason": reason.value if reason else None,
        "reason_pl": REASONS_PL[reason] if reason else None,
        "finding": finding.value if finding else None,
        "finding_pl": finding.sentence_pl if finding else None,
    }


def _message(message: OutboxMessage) -> dict[str, Any]:
    return {
        "id": message.id,
        "uuid": str(message.uuid),
        "kind": message.kind.value,
        "kind_pl": KINDS_PL[message.kind],
        "stored_at": _instant(message.created_at),
        "state": message.state.value,
        "state_pl": STATES_PL[message.state],
        "accepted_at": _instant(message.accepted_at),
        "given_up_at": _instant(message.decided_at) if message.state is MessageState.GIVEN_UP else None,
        "attempts": [_attempt(number, attempt) for number, attempt in enumerate(message.log, 1)],
    }


def _attempt(number: int, attempt: TransmissionAttempt) -> dict[str, Any]:
    sign = sign_of(call_of(attempt))
    return {
        "number": number,
        "started_at": _instant(attempt.started_at),
        "ended_at": _instant(attempt.started_at + timedelta(milliseconds=attempt.milliseconds)),
        "milliseconds": attempt.milliseconds,
        "outcome": attempt.outcome.value,
        "outcome_pl": OUTCOMES_PL[attempt.outcome],
        "sign": sign.value,
        "sign_pl": SIGNS_PL[sign],
        "code": attempt.code,
        "code_meaning_pl": _meaning_pl(attempt),
        "description": attempt.description,
        "event_uuid": attempt.event_uuid,
        "endpoint": attempt.endpoint,
        "certificate": attempt.certificate,
    }


def _meaning_pl(attempt: TransmissionAttempt) -> str | None:
    """What a code means, if that is known; nothing is said of an attempt that went well."""
    well = attempt.outcome in {AttemptOutcome.DELIVERED, AttemptOutcome.ALREADY_DELIVERED}
    meaning = meaning_of(attempt.code, rule_in(attempt.description))
    if well or meaning.code.casefold() not in MEANINGS:
        return None
    return meaning.pl + (" (znaczenie prowizoryczne)" if meaning.provisional else "")


def _described(session: Session, messages: Sequence[OutboxMessage]) -> list[dict[str, Any]]:
    about = subjects.describe(session, messages)
    return [{**_message(message), "subject_pl": subjects.subject_of(about, message).text_pl} for message in messages]


def _outage(each: EndpointOutage) -> dict[str, Any]:
    outage = each.outage
    return {
        "endpoint": each.endpoint,
        "begun_at": _instant(outage.begun_at),
        "last_failed_at": _instant(outage.last_failed_at),
        "ended_at": _instant(outage.ended_at),
        "milliseconds": outage.shown // MILLISECOND,
        "failed_calls": outage.calls,
        "signs": {sign.value: count for sign, count in outage.signs},
        "signs_pl": ", ".join(f"{SIGNS_PL[sign]}: {count}" for sign, count in outage.signs),
        "unclear_calls": outage.unclear,
        "longest_gap_milliseconds": outage.longest_gap // MILLISECOND,
        "side": outage.side.value,
        "side_pl": SIDES_PL[outage.side],
        "momentary": outage.momentary,
    }
