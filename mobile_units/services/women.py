"""Women: kept once by their identity, what they declared, and whether they may be screened.

Every read and every change leaves a trace in the audit log. Commands never print what they hold.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, or_, select
from sqlalchemy.orm import Session

from mobile_units import crypto
from mobile_units.errors import DomainError
from mobile_units.models.initial_loads import InitialLoadRow
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.models.women import IdentityKind, Woman
from mobile_units.rules import eligibility as rule_book
from mobile_units.rules.calendar import local_day
from mobile_units.rules.contacts import spelled
from mobile_units.rules.eligibility import (
    Assessment,
    Candidate,
    EligibilityRule,
    ExaminationSource,
    Exclusion,
    PastExamination,
)
from mobile_units.rules.messages import Channel
from mobile_units.rules.programmes import Path
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import ACTIVE, OCCUPYING, VisitStatus
from mobile_units.rules.women import fold_document, parse_pesel, require_woman
from mobile_units.rules.wording import Language
from mobile_units.services import contacts
from mobile_units.services import eligibility as eligibility_data
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import apply_change, get_owned, require_version
from mobile_units.transmission import outbox

HANDED_OVER = frozenset({"given_name", "family_name", "telephone", "identity_number", "birth_date"})
"""The fields that can change and that the central system keeps with each visit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A PESEL, or the number of a foreign document with its two-letter country."""

    pesel: str | None = field(default=None, repr=False)
    country: str | None = field(default=None, repr=False)
    document_number: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredExamination:
    """An earlier examination that a woman told of."""

    path: Path = field(repr=False)
    performed_on: date = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What a woman told about her health; risk groups and exclusions are codes of the eligibility data."""

    risk_groups: Sequence[str] = field(default=(), repr=False)
    exclusions: Sequence[str] = field(default=(), repr=False)
    examinations: Sequence[DeclaredExamination] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWoman:
    """A woman to be kept; `birth_date` is needed with a foreign document, a PESEL tells it.

    The consents are to being written to about her visits, by e-mail and by text message.
    """

    identity: Identity
    given_name: str = field(repr=False)
    family_name: str = field(repr=False)
    birth_date: date | None = field(default=None, repr=False)
    telephone: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    language: Language = field(default=Language.POLISH, repr=False)
    email_consent: bool = field(default=False, repr=False)
    sms_consent: bool = field(default=False, repr=False)
    declaration: Declaration = Declaration()


@dataclass(frozen=True, slots=True)
class _Normalised:
    """An identity in its one spelling; only a PESEL tells the birth date."""

    kind: IdentityKind
    number: str = field(repr=False)
    birth_date: date | None = field(default=None, repr=False)

    @property
    def hash(self) -> bytes:
        """By which the woman is found."""
        return crypto.keyed_hash(self.number)


def register(session: Session, actor: Actor, command: NewWoman, today: date) -> Woman:
    """Keeps a woman not known before.

    A known one is refused and nothing of her is handed back: who needs her finds her, which leaves its own trace. That
    she is known is told all the same, so the caller audits the refusal after the rollback.

    Raises:
        DomainError: `woman_known` (at flush), `telephone_invalid`, `email_invalid`, `pesel_invalid`,
            `pesel_not_a_woman`, `document_invalid`, `birth_date_invalid`, `declaration_unknown`,
            `declaration_date_invalid`.
    """
    spelling = contacts.checked({"telephone": command.telephone, "email": command.email})
    return register_as_told(session, actor, replace(command, **spelling), today)


def register_as_told(session: Session, actor: Actor, command: NewWoman, today: date) -> Woman:
    """As `register`, of a woman whom another system tells of: a telephone that cannot be called is kept as it is."""
    woman = prepared(session, actor, command, today)
    consents = contacts.set_consents(woman, {name: getattr(command, name) for name in _CONSENTS})
    session.add(woman)
    session.flush()
    audit(session, actor, "register", "woman", woman.id)
    contacts.note_consents(session, actor, woman, consents)
    return woman


_CONSENTS = frozenset(contacts.CONSENTS.values())


def prepared(session: Session, actor: Actor, command: NewWoman, today: date) -> Woman:
    """A woman as `register_as_told` keeps her, not stored yet and without consents.

    Refuses what `register` refuses but that she is known, and how she is reached.
    """
    identity = _normalise(command.identity)
    born = _birth_date(identity.birth_date or command.birth_date, today)
    return Woman(
        provider_id=actor.provider_id,
        identity_kind=identity.kind,
        identity_number=identity.number,
        identity_hash=identity.hash,
        given_name=command.given_name,
        family_name=command.family_name,
        birth_date=born.isoformat(),
        telephone=command.telephone and spelled(command.telephone),
        email=command.email,
        language=command.language,
        declaration=_checked(session, command.declaration, born, today),
    )


def find_by_identity(session: Session, actor: Actor, identity: Identity) -> Woman | None:
    """The woman with this identity, if the provider knows her; a search in vain is audited as well.

    Under the identity of a woman who was kept twice, the one is found with whom she was merged.

    Raises:
        DomainError: `pesel_invalid`, `pesel_not_a_woman`, `document_invalid`.
    """
    wanted = _normalise(identity).hash
    query = select(Woman).where(Woman.provider_id == actor.provider_id, Woman.identity_hash == wanted)
    woman = session.scalars(query).one_or_none()
    if woman and woman.merged_into_id is not None:
        woman = session.get_one(Woman, woman.merged_into_id)
    audit(session, actor, "search", "woman", woman.id if woman else None)
    return woman


def identity_hash(identity: Identity) -> bytes:
    """By which a woman with this identity is found.

    Raises:
        DomainError: `pesel_invalid`, `pesel_not_a_woman`, `document_invalid`.
    """
    return _normalise(identity).hash


def get(session: Session, actor: Actor, woman_id: int) -> Woman:
    """One woman.

    Raises:
        DomainError: `not_found`, `woman_merged`.
    """
    woman = _owned(session, actor, woman_id)
    audit(session, actor, "read", "woman", woman.id)
    return woman


def _owned(session: Session, actor: Actor, woman_id: int) -> Woman:
    woman = get_owned(session, actor, Woman, woman_id)
    require_not_merged(woman)
    return woman


def require_not_merged(woman: Woman) -> None:
    """Raises `woman_merged`, which names the one who is kept."""
    if woman.merged_into_id is not None:
        raise DomainError("woman_merged", woman_id=woman.id, kept_id=woman.merged_into_id)


def withdraw_consents(session: Session, actor: Actor, woman_id: int, channels: Collection[Channel]) -> Woman:
    """Withdraws a woman's consents at her word: no version is asked for, and one that was not given stays so.

    Raises:
        DomainError: `not_found`, `woman_merged`.
    """
    return contacts.withdraw(session, actor, locked(session, actor, woman_id), channels)


def locked(session: Session, actor: Actor, woman_id: int) -> Woman:
    """The whole woman with her row locked, as `services.visits` tells; the caller audits.

    Raises:
        DomainError: `not_found`, `woman_merged`.
    """
    query = select(Woman).where(Woman.id == woman_id, Woman.provider_id == actor.provider_id)
    query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    woman = session.scalars(query).one_or_none()
    if woman is None:
        raise DomainError("not_found", what=f"Woman {woman_id}")
    require_not_merged(woman)
    return woman


def change(  # noqa: PLR0913, PLR0917 -- a change by version, and the day that limits what can be declared
    session: Session, actor: Actor, woman_id: int, version: int, values: Mapping[str, Any], today: date
) -> Woman:
    """Changes names, how she is reached, consents or declaration, or corrects who she is.

    A declaration replaces the former one.

    Her visits to come are handed over again with what is new, and so are those that the central system never took: a
    wrong PESEL may be why.

    Raises:
        DomainError: `stale_version`, `woman_merged`, `telephone_invalid`, `email_invalid`, `declaration_unknown`,
            `declaration_date_invalid`, `pesel_invalid`, `pesel_not_a_woman`, `document_invalid`, `birth_date_invalid`;
            `woman_known` (at flush).
    """
    woman = _owned(session, actor, woman_id)
    require_version(woman, version)
    values = contacts.checked(values)
    consents = contacts.set_consents(woman, {name: values.pop(name) for name in _CONSENTS & values.keys()})
    if not values.keys().isdisjoint({"identity", "birth_date"}):
        values |= _corrected(woman, values.pop("identity", None), values.pop("birth_date", None), today)
    if "declaration" in values:
        born = date.fromisoformat(values.get("birth_date", woman.birth_date))
        values["declaration"] = _checked(session, values["declaration"], born, today)
    apply_change(woman, version, values)
    audit(session, actor, "change", "woman", woman.id)
    session.flush()
    contacts.note_consents(session, actor, woman, consents)
    if not HANDED_OVER.isdisjoint(values):
        tell_again(session, woman)
    return woman


def tell_again(session: Session, woman: Woman, *only: ColumnElement[bool]) -> None:
    """Has her visits told again; one that she booked in IKP or that was loaded may have no message of ours yet.

    A short reservation is told of when it is booked.
    """
    never_taken = and_(Visit.status.in_(sorted(OCCUPYING)), Visit.passed_at.is_(None))
    wanted = Visit.woman_id == woman.id, or_(Visit.status.in_(sorted(ACTIVE)), never_taken), *only
    visits = select(Visit.id, Slot.starts_at, InitialLoadRow.chunk_id).join(Visit.slot)
    visits = visits.outerjoin(InitialLoadRow, InitialLoadRow.visit_id == Visit.id)
    for visit_id, starts_at, chunk_id in session.execute(
        visits.where(*wanted, Visit.status != VisitStatus.HELD).order_by(Visit.id)
    ).all():
        outbox.enqueue(
            session,
            provider_id=woman.provider_id,
            kind=MessageKind.SAVE_VISIT,
            subject_id=visit_id,
            service_day=local_day(starts_at),
            after=[] if chunk_id is None else [(MessageKind.LOAD_VISITS, chunk_id)],
        )


def _corrected(woman: Woman, identity: Identity | None, born: date | None, today: date) -> dict[str, Any]:
    """Her identity and birth date as they are kept; a PESEL tells the birth date, whatever else is given."""
    if identity is not None:
        known = _normalise(identity)
    elif woman.identity_kind is IdentityKind.PESEL:
        known = _normalise(Identity(pesel=woman.identity_number))
    else:
        known = _Normalised(woman.identity_kind, woman.identity_number)
    born = _birth_date(known.birth_date or born or date.fromisoformat(woman.birth_date), today)
    return {
        "identity_kind": known.kind,
        "identity_number": known.number,
        "identity_hash": known.hash,
        "birth_date": born.isoformat(),
    }


def eligibility(session: Session, actor: Actor, woman_id: int, path: Path, on: date) -> Assessment:
    """Whether a woman may be screened on `path` on the day `on`, and if not, why and from when.

    Raises:
        DomainError: `not_found`, `woman_merged`.
    """
    woman = _owned(session, actor, woman_id)
    audit(session, actor, "assess", "woman", woman.id)
    return assess(session, woman, path, on)


def assess(session: Session, woman: Woman, path: Path, on: date) -> Assessment:
    """The assessment from what the woman declared and from her visits performed here; the caller audits."""
    past = performed(session, [woman.id]).get(woman.id, ())
    rules = eligibility_data.rules_of_path(session, path)
    exclusions = eligibility_data.exclusions(session) if woman.declaration.get("exclusions") else ()
    return assessed(woman, past, path, on, rules, exclusions)


def assessed(  # noqa: PLR0913, PLR0917 -- what is known of her, and the rules
    woman: Woman,
    past: Iterable[PastExamination],
    path: Path,
    on: date,
    rules: Sequence[EligibilityRule],
    exclusions: Sequence[Exclusion],
) -> Assessment:
    """The assessment from what the woman declared, what was performed here, and the rules of the path."""
    candidate = candidate_of(woman, past)
    return rule_book.assess(candidate, path, on, rules, exclusions if candidate.exclusions else ())


def not_eligible(woman: Woman, assessment: Assessment) -> DomainError:
    """The refusal tells of her health, so it carries her key, by which it is audited after the rollback."""
    day, source = assessment.next_eligible_on, assessment.legal_source
    return DomainError(
        "not_eligible",
        woman_id=woman.id,
        reason_pl=f"{assessment.reason_pl} Podstawa: {source}." if source else assessment.reason_pl,
        reason_en=f"{assessment.reason_en} Source: {source}." if source else assessment.reason_en,
        next_eligible_pl=f"{day:%d.%m.%Y}" if day else "nie wiadomo",
        next_eligible_en=day.isoformat() if day else "not known",
    )


def candidate_of(woman: Woman, performed: Iterable[PastExamination]) -> Candidate:
    """What the rules ask about a woman, from what she declared and from her visits performed here."""
    told = woman.declaration
    declared = (
        PastExamination(Path(each["path"]), date.fromisoformat(each["performed_on"]), ExaminationSource.DECLARED)
        for each in told.get("examinations", ())
    )
    return Candidate(
        birth_date=date.fromisoformat(woman.birth_date),
        risk_groups=frozenset(told.get("risk_groups", ())),
        exclusions=frozenset(told.get("exclusions", ())),
        examinations=(*declared, *performed),
    )


_PERFORMED = (
    select(Visit.woman_id, Visit.path, Slot.starts_at)
    .join(Slot, Slot.id == Visit.slot_id)
    .where(Visit.woman_id.in_(bindparam("woman_ids", expanding=True)), Visit.status == VisitStatus.PERFORMED)
)


def performed(session: Session, woman_ids: Iterable[int]) -> dict[int, list[PastExamination]]:
    """By woman, her visits performed here."""
    found: dict[int, list[PastExamination]] = {}
    for woman_id, path, starts_at in session.execute(_PERFORMED, {"woman_ids": sorted(set(woman_ids))}):
        past = PastExamination(path, local_day(starts_at), ExaminationSource.VISIT)
        found.setdefault(woman_id, []).append(past)
    return found


def _normalise(identity: Identity) -> _Normalised:
    if identity.pesel is None:
        number = fold_document(identity.country or "", identity.document_number or "")
        return _Normalised(IdentityKind.DOCUMENT, number)
    pesel = parse_pesel(identity.pesel)
    require_woman(pesel)
    return _Normalised(IdentityKind.PESEL, pesel.number, pesel.birth_date)


def _birth_date(born: date | None, today: date) -> date:
    if born is None or born > today:
        raise DomainError("birth_date_invalid")
    return born


def _checked(session: Session, declaration: Declaration, born: date, today: date) -> dict[str, Any]:
    """The declaration as it is kept, after its codes and dates were found to be possible."""
    _require_known(session, declaration)
    if any(not born <= each.performed_on <= today for each in declaration.examinations):
        raise DomainError("declaration_date_invalid")
    return {
        "risk_groups": sorted(set(declaration.risk_groups)),
        "exclusions": sorted(set(declaration.exclusions)),
        "examinations": [
            {"path": each.path.value, "performed_on": each.performed_on.isoformat()}
            for each in sorted(declaration.examinations, key=lambda each: each.performed_on)
        ],
    }


def _require_known(session: Session, declaration: Declaration) -> None:
    """Names the fields with unknown codes, not the codes, which might be anything about her."""
    if not declaration.risk_groups and not declaration.exclusions:
        return
    rules, exclusions = eligibility_data.rules(session)
    known = {
        "risk_groups": {rule.risk_group for rule in rules if rule.risk_group},
        "exclusions": {exclusion.code for exclusion in exclusions},
    }
    wrong = [name for name, codes in known.items() if not codes.issuperset(getattr(declaration, name))]
    if wrong:
        allowed = sorted(code for name in wrong for code in known[name])
        raise DomainError("declaration_unknown", fields=", ".join(wrong), known=", ".join(allowed))
