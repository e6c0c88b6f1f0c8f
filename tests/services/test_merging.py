"""A woman who was kept twice is kept once, and nothing that is known of her is lost."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.transmissions import OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.models.waiting_list import WaitingListEntry
from mobile_units.models.women import Woman
from mobile_units.rules.programmes import Path
from mobile_units.rules.roles import Role
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.rules.waiting import WaitingStatus
from mobile_units.services import merging, reference, visits, women
from mobile_units.services.actors import Actor
from mobile_units.services.merging import Merge
from mobile_units.services.women import DeclaredExamination, Identity
from tests import factories_booking
from tests.factories_booking import DAY, NOW
from tests.statements import refused

REASON = "ta sama osoba: paszport i PESEL"
DOCUMENT = Identity(country="DE", document_number="C01X00T47")


@pytest.fixture
def both(actor: Actor) -> Actor:
    """A midwife who is an administrator too."""
    return Actor(actor.provider_id, None, frozenset({Role.MIDWIFE, Role.ADMINISTRATOR}))


def with_document(session: Session, actor: Actor, **values: Any) -> Woman:
    """A woman who is known by a foreign document."""
    command = women.NewWoman(
        identity=DOCUMENT, given_name="Proba", family_name="Testowa", birth_date=date(1970, 5, 17), **values
    )
    return women.register(session, actor, command, DAY)


def merged(session: Session, actor: Actor, kept: Woman, other: Woman) -> Woman:
    """The one who is kept."""
    command = Merge(kept_version=kept.version, merged_version=other.version, reason=REASON)
    return merging.merge(session, actor, kept.id, other.id, command)


def booked(session: Session, actor: Actor, woman: Woman, path: Path = Path.MAMMOGRAPHY) -> Visit:
    """A visit of hers."""
    slot = factories_booking.slot(session, actor.provider_id, path)
    return visits.book(session, actor, visits.NewVisit(woman_id=woman.id, slot_id=slot.id, path=path), NOW)


def waiting(session: Session, woman: Woman, hours: int) -> WaitingListEntry:
    """An entry of hers, queued so many hours after the first instant."""
    entry = WaitingListEntry(
        provider_id=woman.provider_id,
        woman_id=woman.id,
        programme=Path.MAMMOGRAPHY.programme,
        path=Path.MAMMOGRAPHY,
        teryt="10",
        urgent=hours == 2,
        queued_at=NOW + timedelta(hours=hours),
    )
    session.add(entry)
    session.flush()
    return entry


def test_all_that_is_known_of_her_goes_to_the_one_who_is_kept(session: Session, both: Actor) -> None:
    """Visits, the entry that waits for longer, what she declared, and how she is reached where there is a gap."""
    reference.load_reference_data(session)
    told = DeclaredExamination(path=Path.HPV_LBC, performed_on=date(2020, 1, 2))
    kept = factories_booking.woman(session, both.provider_id, examinations=[told], risk_groups=["hiv"])
    declared = women.Declaration(
        exclusions=["cervical_malignancy"],
        examinations=[told, DeclaredExamination(path=Path.HPV_LBC, performed_on=date(2019, 3, 4))],
    )
    other = with_document(
        session, both, telephone="601 000 000", email="b@example.org", email_consent=True, declaration=declared
    )
    telephone, kept_id = kept.telephone, kept.id
    entries = [waiting(session, kept, 2), waiting(session, other, 1)]
    visit = booked(session, both, other)
    seen = merging.preview(session, both, kept.id, other.id)
    assert (seen.visits, seen.visits_to_come, seen.waiting, seen.examinations) == (1, 1, 1, 1)
    assert (seen.fills, seen.parallel) == (["email"], [])
    kept = merged(session, both, kept, other)
    assert (kept.id, kept.telephone, kept.email, kept.email_consent_at is None) == (
        kept_id,
        telephone,
        "b@example.org",
        False,
    )
    assert kept.declaration == {
        "risk_groups": ["hiv"],
        "exclusions": ["cervical_malignancy"],
        "examinations": [
            {"path": "hpv_lbc", "performed_on": "2019-03-04"},
            {"path": "hpv_lbc", "performed_on": "2020-01-02"},
        ],
    }
    assert session.get_one(Visit, visit.id).woman_id == kept_id
    stays = {entry.id: (entry.woman_id, entry.status, entry.urgent) for entry in entries}
    assert stays == {
        entries[0].id: (kept_id, WaitingStatus.WITHDRAWN, True),
        entries[1].id: (kept_id, WaitingStatus.WAITING, True),
    }


def test_only_her_identity_stays_and_leads_to_the_one_who_is_kept(session: Session, both: Actor) -> None:
    """Whoever looks her up or registers her under it finds the other one; her row says nothing more."""
    kept = factories_booking.woman(session, both.provider_id)
    other = with_document(session, both, telephone="601 000 000")
    kept = merged(session, both, kept, other)
    found = women.find_by_identity(session, both, DOCUMENT)
    assert found is kept
    with refused("woman_known"), session.begin_nested():
        with_document(session, both)
    row = session.get_one(Woman, other.id)
    told = (row.given_name, row.family_name, row.birth_date, row.telephone, row.email, row.declaration)
    assert told == ("", "", "", None, None, {})
    assert (row.merge_reason, row.merged_into_id) == (REASON, kept.id)


def test_visits_to_come_are_told_again_and_no_others(session: Session, both: Actor) -> None:
    """Of the kept one nothing changed for the central system unless a gap was filled that it keeps too."""
    kept = factories_booking.woman(session, both.provider_id)
    other = with_document(session, both)
    own = booked(session, both, kept, Path.CLASSIC_CYTOLOGY)
    theirs = booked(session, both, other)
    for visit in (own, theirs):
        visit.passed_at = NOW
    session.execute(text("UPDATE outbox_messages SET state = 'accepted' WHERE kind = 'save_visit'"))
    session.expire_all()
    merged(session, both, kept, other)
    pending = select(OutboxMessage.subject_id).where(
        OutboxMessage.kind == MessageKind.SAVE_VISIT, OutboxMessage.provider_id == both.provider_id
    )
    assert session.scalars(pending.where(OutboxMessage.state != "accepted")).all() == [theirs.id]


def test_a_visit_of_hers_counts_for_the_one_who_is_kept(session: Session, both: Actor) -> None:
    """A mammography performed under the other identity makes her wait."""
    kept = factories_booking.woman(session, both.provider_id)
    other = with_document(session, both)
    visit = booked(session, both, other)
    done = visits.StatusChange(version=visit.version, status=VisitStatus.PERFORMED)
    visits.change_status(session, both, visit.id, done, visit.slot.starts_at)
    kept = merged(session, both, kept, other)
    assert not women.eligibility(session, both, kept.id, Path.MAMMOGRAPHY, DAY + timedelta(days=30)).eligible


def test_a_merged_woman_is_refused_with_the_one_who_is_kept(session: Session, both: Actor) -> None:
    """Reading, changing, assessing, booking and merging name her; of a chain the last one."""
    first, second = (factories_booking.woman(session, both.provider_id) for _ in range(2))
    other = with_document(session, both)
    first = merged(session, both, first, other)
    second = merged(session, both, second, first)
    slot = factories_booking.slot(session, both.provider_id)
    command = visits.NewVisit(woman_id=other.id, slot_id=slot.id, path=Path.MAMMOGRAPHY)
    attempts: list[Any] = [
        lambda: women.get(session, both, other.id),
        lambda: women.change(session, both, other.id, 2, {}, DAY),
        lambda: women.eligibility(session, both, other.id, Path.MAMMOGRAPHY, DAY),
        lambda: visits.book(session, both, command, NOW),
        lambda: merging.preview(session, both, other.id, second.id),
    ]
    for attempt in attempts:
        with pytest.raises(DomainError) as caught:
            attempt()
        assert (caught.value.code, caught.value.facts["kept_id"]) == ("woman_merged", second.id)
    assert women.find_by_identity(session, both, DOCUMENT) is second


def test_what_cannot_be_merged_is_refused(session: Session, both: Actor) -> None:
    """The same woman, one that is merged, an old version, two visits in one programme, a stranger, a single role."""
    kept = factories_booking.woman(session, both.provider_id)
    other = with_document(session, both)
    with refused("merge_with_itself"):
        merged(session, both, kept, kept)
    with refused("stale_version"):
        merging.merge(session, both, kept.id, other.id, Merge(kept_version=1, merged_version=9, reason=REASON))
    for role in (Role.MIDWIFE, Role.ADMINISTRATOR):
        with refused("not_allowed"):
            merged(session, Actor(both.provider_id, None, frozenset({role})), kept, other)
    with refused("not_found"):
        merging.preview(session, both, kept.id, 0)
    pair = [booked(session, both, woman) for woman in (kept, other)]
    with pytest.raises(DomainError) as caught:
        merged(session, both, kept, other)
    assert caught.value.code == "parallel_visits"
    assert [each["id"] for each in caught.value.lists["visits"]] == [visit.id for visit in pair]
    cancelled = visits.Cancellation(version=pair[1].version, cancelled_by=CancelledBy.WOMAN)
    visits.cancel(session, both, pair[1].id, cancelled)
    merged(session, both, kept, other)
    with refused("already_merged"):
        merged(session, both, kept, other)
