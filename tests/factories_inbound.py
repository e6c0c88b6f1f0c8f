"""What the central system tells of visits, and a central system that tells it page by page."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.models.contracts import ContractRange
from mobile_units.models.providers import Provider
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import ChangedBy
from mobile_units.services.actors import Actor
from mobile_units.transmission import inbound as network
from mobile_units.transmission.gateway import Halted, Rejected, Retryable
from mobile_units.transmission.messages import (
    CENTRAL_STATUSES,
    CentralChange,
    CentralStatus,
    CentralVisit,
    ChangesPage,
    ChangesQuery,
    ObjectId,
    PatientData,
    UnreadableChange,
    pesel_id,
)
from tests import factories_booking
from tests.factories import number
from tests.factories_booking import NOW
from tests.factories_transmission import ScriptedGateway

CENTRE = "2.25"
"""The root below which the centre names the visits that it books."""


def patient(of: Woman | None = None, born: date = date(1970, 5, 17)) -> PatientData:
    """A woman as the centre names her: one whom we know, or a new one."""
    if of is None:
        return PatientData(
            identifier=pesel_id(factories_booking.pesel(born)),
            given_name="Ewa",
            family_name="Zmyślona",
            birth_date=born,
            telephone="601 000 000",
        )
    return PatientData(
        identifier=pesel_id(of.identity_number),
        given_name=of.given_name,
        family_name=of.family_name,
        birth_date=date.fromisoformat(of.birth_date),
        telephone=of.telephone,
    )


def root_of(session: Session, actor: Actor) -> str:
    """The provider's own node."""
    return session.scalars(select(Provider.oid_root).where(Provider.id == actor.provider_id)).one()


def slot_id(session: Session, actor: Actor, slot: Slot) -> ObjectId:
    """A slot as both sides name it."""
    return ObjectId(root_of(session, actor), str(slot.uuid))


def booked(
    session: Session, actor: Actor, slot: Slot, who: PatientData | None = None, path: Path | None = None
) -> CentralChange:
    """A woman booked a slot in IKP, an hour ago."""
    visit = CentralVisit(
        identifier=ObjectId(CENTRE, str(10_000 + number())),
        slot=slot_id(session, actor, slot),
        patient=who or patient(),
        product_code="10.7940.159.02",
        path=path or slot.schedule.path,
        urgent=False,
        status=CentralStatus.BOOKED,
    )
    return CentralChange(at=NOW - timedelta(hours=1), by=ChangedBy.WOMAN, visit=visit)


def held_there(session: Session, actor: Actor, visit: Visit, by: ChangedBy = ChangedBy.PROVIDER) -> CentralChange:
    """A visit of ours as the centre holds it."""
    own = ObjectId(root_of(session, actor), str(visit.uuid))
    given = ObjectId(visit.cer_root, visit.cer_extension or "") if visit.cer_root else own
    code = select(ContractRange.product_code).where(ContractRange.id == visit.contract_range_id)
    held = CentralVisit(
        identifier=given,
        slot=slot_id(session, actor, visit.slot),
        patient=patient(visit.woman),
        product_code=session.scalars(code).one(),
        path=visit.path,
        urgent=visit.urgent,
        status=CENTRAL_STATUSES[visit.status],
        cancelled_by=visit.cancelled_by,
    )
    return CentralChange(at=NOW - timedelta(hours=1), by=by, visit=held)


def then(change: CentralChange, minutes: int = 1, by: ChangedBy = ChangedBy.WOMAN, **values: object) -> CentralChange:
    """The next change of the same visit, so many minutes later."""
    changed = replace(change.visit, **values)  # type: ignore[arg-type]  # the fields' types are the callers' care
    return CentralChange(at=change.at + timedelta(minutes=minutes), by=by, visit=changed)


def unreadable(
    visit: ObjectId | None = None, at: datetime | None = None, by: ChangedBy | None = None
) -> UnreadableChange:
    """A change that cannot be read, with what could be."""
    xml = f"<zmiana><nazwisko>Zmyślona</nazwisko><sciezka>{number()}</sciezka></zmiana>"
    return UnreadableChange(identifier=visit, at=at, by=by, problem="the answer has a malformed sciezka", xml=xml)


def kept(session: Session, actor: Actor, change: CentralChange | UnreadableChange) -> int:
    """The key of a change that was fetched and stored."""
    (change_id,) = network.keep(session, actor.provider_id, [change])
    return change_id


Failure = Retryable | Rejected | Halted


@dataclass
class TellingGateway(ScriptedGateway):
    """A centre with these changes, told two on a page, the unreadable on each; a failure in front is told first."""

    told: list[CentralChange] = field(default_factory=list)
    unreadable: list[UnreadableChange] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    queries: list[ChangesQuery] = field(default_factory=list)
    page: int = 2

    def changes(self, query: ChangesQuery) -> ChangesPage | Failure:
        """The changes after the cursor, which counts them."""
        self.queries.append(query)
        if self.failures:
            return self.failures.pop(0)
        start = int(query.cursor or 0)
        part: Sequence[CentralChange] = self.told[start : start + self.page]
        end = start + len(part)
        odd = tuple(self.unreadable)
        return ChangesPage(changes=tuple(part), unreadable=odd, cursor=str(end), more=end < len(self.told))


def at(hour: int) -> datetime:
    """An instant of the day on which the tests are."""
    return NOW.replace(hour=hour)
