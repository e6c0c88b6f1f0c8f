"""Bookings of fictitious women, made by several processes at once that all want the same earliest slots."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from multiprocessing import get_context

from sqlalchemy import Engine, exists, select
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.config import Settings
from mobile_units.errors import DomainError
from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.rules.programmes import Path
from mobile_units.rules.women import make_pesel
from mobile_units.services import slot_search, visits, women
from mobile_units.services.actors import Actor
from mobile_units.services.queries import Paging
from mobile_units.services.slot_search import SlotAtPlace, SlotFilter

PATHS = (Path.MAMMOGRAPHY, Path.CLASSIC_CYTOLOGY, Path.HPV_LBC)
CHOICES = Paging(1, 12)
SHARE = 10
"""Women booked by one process at a stretch."""


@dataclass(frozen=True, slots=True)
class Share:
    """The women numbered from `first` on, to be booked by one process."""

    actor: Actor
    first: int
    count: int
    today: date


def book_all(settings: Settings, actor: Actor, wanted: int, processes: int, today: date) -> Iterator[int]:
    """Books one visit for each of `wanted` women; yields how many more were booked, share by share.

    A woman booked in an earlier run keeps her visit.

    Raises:
        RuntimeError: there is no free slot left.
    """
    shares = [Share(actor, first, min(SHARE, wanted - first), today) for first in range(0, wanted, SHARE)]
    with get_context("spawn").Pool(processes, initializer=_connect, initargs=(settings,)) as pool:
        yield from pool.imap_unordered(_book_share, shares)


class _Process:
    """What a booking process keeps from share to share."""

    engine: Engine


def _connect(settings: Settings) -> None:
    _Process.engine = db.engine_of(settings)


def _book_share(share: Share) -> int:
    for number in range(share.first, share.first + share.count):
        _book(share, number)
    return share.count


def _book(share: Share, number: int) -> None:
    """Books one of the soonest slots; whoever loses it to another process takes the next."""
    path, key = PATHS[number % len(PATHS)], f"demo-{number:06d}"
    with db.transaction(_Process.engine) as session:
        of_key = Visit.provider_id == share.actor.provider_id, Visit.idempotency_key == key
        if session.scalar(select(exists().where(*of_key))):
            return
        woman_id = _woman(session, share, number).id
    while soonest := _soonest(share.actor, path):
        first = number % len(soonest)
        for slot in soonest[first:] + soonest[:first]:
            command = visits.NewVisit(woman_id=woman_id, slot_id=slot.id, path=path, idempotency_key=key)
            if _is_booked(share.actor, command):
                return
    raise RuntimeError(f"there is no free slot for {path} left")


def _soonest(actor: Actor, path: Path) -> list[SlotAtPlace]:
    with db.transaction(_Process.engine) as session:
        return slot_search.find(session, actor, SlotFilter(path=path, paging=CHOICES), clock.now()).items


def _is_booked(actor: Actor, command: visits.NewVisit) -> bool:
    try:
        with db.transaction(_Process.engine) as session:
            visits.book(session, actor, command, clock.now())
    except DomainError as refusal:
        if refusal.code != "slot_full":
            raise
        return False
    return True


def _woman(session: Session, share: Share, number: int) -> Woman:
    """The fictitious woman of a number, who may be screened on every path; some agreed to be written to."""
    born = date(share.today.year - 60, 1, 1) + timedelta(days=number * 11 % 5000)
    identity = women.Identity(pesel=make_pesel(born, number % 5000, "F"))
    known = women.find_by_identity(session, share.actor, identity)
    if known:
        return known
    command = women.NewWoman(
        identity=identity,
        given_name="Pacjentka",
        family_name=f"Fikcyjna-{number:04d}",
        telephone=f"600 000 {number % 1000:03d}",
        email=f"pacjentka-{number:04d}@example.com" if number % 3 else None,
        email_consent=number % 3 == 1,
        sms_consent=number % 3 == 2,
    )
    return women.register(session, share.actor, command, share.today)
