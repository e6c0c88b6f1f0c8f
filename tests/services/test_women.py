"""Women are kept once, told apart by their identity, and every access to them is noted."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.women import Woman
from mobile_units.rules.eligibility import AssessmentCode
from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import VisitStatus
from mobile_units.rules.women import make_pesel
from mobile_units.services import reference, visits, women
from mobile_units.services.actors import Actor
from mobile_units.services.women import Declaration, DeclaredExamination, Identity, NewWoman
from tests import factories, factories_booking
from tests.factories_booking import DAY, NOW
from tests.statements import refused

BORN = date(1970, 5, 17)
PESEL = make_pesel(BORN, 7, "F")
TODAY = date(2027, 3, 1)
DOCUMENT = Identity(country="de", document_number="c01x 00-t47")


def new(identity: Identity | None = None, **values: object) -> NewWoman:
    """A woman to be registered."""
    given: dict[str, object] = {"given_name": "Próba", "family_name": "Testowa"} | values
    return NewWoman(identity=identity or Identity(pesel=PESEL), **given)  # type: ignore[arg-type]  # named in each test


def entries(session: Session, actor: Actor) -> list[tuple[str, int | None]]:
    """What the audit log says of women, in order."""
    query = select(AuditEntry.action, AuditEntry.subject_id).where(
        AuditEntry.provider_id == actor.provider_id, AuditEntry.subject == "woman"
    )
    return [(action, key) for action, key in session.execute(query.order_by(AuditEntry.id))]


def test_a_woman_is_found_by_her_pesel_however_it_is_written(session: Session, actor: Actor) -> None:
    """Spaces do not matter; the birth date is the one in the PESEL."""
    woman = women.register(session, actor, new(), TODAY)
    found = women.find_by_identity(session, actor, Identity(pesel=f"{PESEL[:6]} {PESEL[6:]}"))
    assert found is woman
    assert woman.birth_date == "1970-05-17"


def test_a_woman_with_a_document_is_found_by_it(session: Session, actor: Actor) -> None:
    """Case, spaces and hyphens do not matter."""
    woman = women.register(session, actor, new(DOCUMENT, birth_date=BORN), TODAY)
    same = Identity(country="DE", document_number="C01X00T47")
    assert women.find_by_identity(session, actor, same) is woman


def test_a_woman_unknown_here_is_not_found(session: Session, actor: Actor) -> None:
    """What another provider knows stays there."""
    stranger = Actor(factories.provider(session).id)
    woman = women.register(session, stranger, new(), TODAY)
    assert women.find_by_identity(session, actor, Identity(pesel=PESEL)) is None
    with refused("not_found"):
        women.get(session, actor, woman.id)


def test_a_known_woman_is_not_registered_again(session: Session, actor: Actor) -> None:
    """The same document in another spelling is the same woman."""
    women.register(session, actor, new(DOCUMENT, birth_date=BORN), TODAY)
    again = Identity(country="DE", document_number="C01X00T47")
    with refused("woman_known"):
        women.register(session, actor, new(again, birth_date=BORN), TODAY)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (new(Identity(pesel="70051700001")), "pesel_invalid"),
        (new(Identity(pesel=make_pesel(BORN, 7, "M"))), "pesel_not_a_woman"),
        (new(Identity(country="D", document_number="C01")), "document_invalid"),
        (new(Identity()), "document_invalid"),
        (new(DOCUMENT), "birth_date_invalid"),
        (new(DOCUMENT, birth_date=TODAY + timedelta(days=1)), "birth_date_invalid"),
        (new(Identity(pesel=make_pesel(date(2031, 1, 1), 7, "F"))), "birth_date_invalid"),
        (new(declaration=Declaration(risk_groups=["hiv", "??"])), "declaration_unknown"),
        (new(declaration=Declaration(exclusions=["hiv"])), "declaration_unknown"),
        (
            new(declaration=Declaration(examinations=[DeclaredExamination(path=Path.HPV_LBC, performed_on=DAY)])),
            "declaration_date_invalid",
        ),
        (
            new(
                declaration=Declaration(
                    examinations=[DeclaredExamination(path=Path.HPV_LBC, performed_on=date(1970, 5, 16))]
                )
            ),
            "declaration_date_invalid",
        ),
    ],
)
def test_an_impossible_woman_is_refused(session: Session, actor: Actor, command: NewWoman, code: str) -> None:
    """Wrong numbers, days that cannot be, and codes that no rule knows are named."""
    reference.load_reference_data(session)
    with refused(code):
        women.register(session, actor, command, TODAY)


def test_only_known_codes_and_names_of_fields_are_told(session: Session, actor: Actor) -> None:
    """The refusal says what may be written and never what was."""
    reference.load_reference_data(session)
    command = new(declaration=Declaration(exclusions=["70051712345"]))
    with pytest.raises(DomainError) as caught:
        women.register(session, actor, command, TODAY)
    told = caught.value.sentence() + caught.value.way_out()
    assert "exclusions" in told
    assert "cervical_malignancy" in told
    assert "70051712345" not in told


def test_nothing_of_a_woman_is_legible_in_the_database_or_in_a_repr(session: Session, actor: Actor) -> None:
    """Neither the row, nor the entity, nor the command shows who she is."""
    command = new(telephone="600700800", declaration=Declaration(risk_groups=[]))
    woman = women.register(session, actor, command, TODAY)
    row = session.execute(text("SELECT women::text FROM women WHERE id = :id"), {"id": woman.id}).scalar_one()
    for shown in (str(row), repr(woman), repr(command), repr(command.identity)):
        for secret in (PESEL, "Próba", "Testowa", "600700800", "1970-05-17", PESEL.encode().hex()):
            assert secret not in shown


def test_every_access_is_audited(session: Session, actor: Actor) -> None:
    """Registering, searching, even in vain, reading, assessing and changing leave one entry each."""
    reference.load_reference_data(session)
    key = women.register(session, actor, new(), TODAY).id
    women.find_by_identity(session, actor, Identity(pesel=PESEL))
    women.find_by_identity(session, actor, Identity(pesel=make_pesel(BORN, 8, "F")))
    women.get(session, actor, key)
    women.eligibility(session, actor, key, Path.MAMMOGRAPHY, DAY)
    women.change(session, actor, key, 1, {"telephone": None}, TODAY)
    assert entries(session, actor) == [
        ("register", key),
        ("search", key),
        ("search", None),
        ("read", key),
        ("assess", key),
        ("change", key),
    ]


def test_a_declaration_is_replaced_as_a_whole(session: Session, actor: Actor) -> None:
    """What is no longer declared is gone, and another's change is not lost."""
    woman = factories_booking.woman(session, actor.provider_id, risk_groups=["hiv"])
    declared = Declaration(examinations=[DeclaredExamination(path=Path.HPV_LBC, performed_on=date(2024, 2, 29))])
    women.change(session, actor, woman.id, 1, {"declaration": declared}, TODAY)
    session.expire(woman)
    assert woman.declaration == {
        "risk_groups": [],
        "exclusions": [],
        "examinations": [{"path": "hpv_lbc", "performed_on": "2024-02-29"}],
    }
    with refused("stale_version"):
        women.change(session, actor, woman.id, 1, {"telephone": "1"}, TODAY)


def test_a_change_may_declare_only_what_can_be(session: Session, actor: Actor) -> None:
    """The rules of registration hold for a change too."""
    woman = factories_booking.woman(session, actor.provider_id)
    with refused("declaration_unknown"):
        women.change(session, actor, woman.id, 1, {"declaration": Declaration(risk_groups=["?"])}, TODAY)
    assert isinstance(session.get(Woman, woman.id), Woman)


def test_declared_examinations_and_groups_decide_eligibility(session: Session, actor: Actor) -> None:
    """Three years after a cytology, one year in a risk group; an exclusion ends it."""
    told = [DeclaredExamination(path=Path.CLASSIC_CYTOLOGY, performed_on=date(2026, 1, 10))]
    plain = factories_booking.woman(session, actor.provider_id, examinations=told)
    at_risk = factories_booking.woman(session, actor.provider_id, examinations=told, risk_groups=["hiv"])
    excluded = factories_booking.woman(session, actor.provider_id, exclusions=["cervical_malignancy"])
    answers = [
        women.eligibility(session, actor, woman.id, Path.CLASSIC_CYTOLOGY, DAY) for woman in (plain, at_risk, excluded)
    ]
    assert [answer.code for answer in answers] == [
        AssessmentCode.INTERVAL_NOT_ELAPSED,
        AssessmentCode.ELIGIBLE,
        AssessmentCode.EXCLUDED,
    ]
    assert answers[0].next_eligible_on == date(2029, 1, 10)


def test_a_visit_performed_here_counts_and_a_booked_one_does_not(session: Session, actor: Actor) -> None:
    """Only an examination that took place makes her wait, from its Polish day."""
    woman = factories_booking.woman(session, actor.provider_id)
    slot = factories_booking.slot(session, actor.provider_id)
    command = visits.NewVisit(woman_id=woman.id, slot_id=slot.id, path=Path.MAMMOGRAPHY)
    visit = visits.book(session, actor, command, NOW)
    later = DAY + timedelta(days=30)
    assert women.eligibility(session, actor, woman.id, Path.MAMMOGRAPHY, later).eligible
    recorded = visits.StatusChange(version=visit.version, status=VisitStatus.PERFORMED)
    visits.change_status(session, actor, visit.id, recorded, slot.starts_at)
    answer = women.eligibility(session, actor, woman.id, Path.MAMMOGRAPHY, later)
    assert (answer.code, answer.next_eligible_on) == (AssessmentCode.INTERVAL_NOT_ELAPSED, date(2029, 3, 10))


def test_a_wrong_identity_is_corrected(session: Session, actor: Actor) -> None:
    """She is found by the right PESEL alone, and is as old as it says; with a document her birth date counts."""
    woman = women.register(session, actor, new(), TODAY)
    right = make_pesel(date(1971, 1, 2), 9, "F")
    women.change(session, actor, woman.id, 1, {"identity": Identity(pesel=right), "birth_date": BORN}, TODAY)
    assert women.find_by_identity(session, actor, Identity(pesel=right)) is woman
    assert women.find_by_identity(session, actor, Identity(pesel=PESEL)) is None
    assert woman.birth_date == "1971-01-02"
    women.change(session, actor, woman.id, 2, {"identity": DOCUMENT}, TODAY)
    assert (woman.identity_number, woman.birth_date) == ("DE:C01X00T47", "1971-01-02")
    women.change(session, actor, woman.id, 3, {"birth_date": BORN}, TODAY)
    assert woman.birth_date == "1970-05-17"


def test_an_identity_is_not_corrected_into_another_womans(session: Session, actor: Actor) -> None:
    """Nor into an impossible one."""
    woman = women.register(session, actor, new(), TODAY)
    women.register(session, actor, new(DOCUMENT, birth_date=BORN), TODAY)
    for values, code in (
        ({"identity": DOCUMENT}, "woman_known"),
        ({"identity": Identity(pesel="123")}, "pesel_invalid"),
        ({"identity": Identity(pesel=make_pesel(BORN, 7, "M"))}, "pesel_not_a_woman"),
    ):
        with refused(code), session.begin_nested():
            women.change(session, actor, woman.id, 1, values, TODAY)
    assert women.find_by_identity(session, actor, Identity(pesel=PESEL)) is not None
