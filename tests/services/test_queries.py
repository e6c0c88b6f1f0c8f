"""What all use-cases share."""

from dataclasses import replace
from datetime import date

from sqlalchemy.orm import Session

from mobile_units.rules.programmes import Programme
from mobile_units.services import sites
from mobile_units.services.actors import Actor
from mobile_units.services.sites import Demand, NewSite
from tests.factories_booking import DAY
from tests.factories_catalogue import refused

BREAST = Demand(Programme.BREAST, 420, "NFZ", date(2026, 9, 1), estimated=False)
COUNTED = Demand(Programme.BREAST, 400, "NFZ", date(2026, 10, 1))
SITE = NewSite(code="A", name="Plac", locality="Wieluń", latitude=51.22, longitude=18.57, demands=[BREAST])


def test_a_change_of_parts_alone_raises_the_version(session: Session, actor: Actor) -> None:
    """Otherwise the second of two changes to the parts would undo the first unseen."""
    site = sites.create(session, actor, SITE)
    sites.change(session, actor, site.id, 1, {"demands": []}, DAY)
    assert site.version == 2
    with refused("stale_version"):
        sites.change(session, actor, site.id, 1, {"demands": [BREAST]}, DAY)
    assert site.demands == []


def test_a_part_given_twice_is_refused(session: Session, actor: Actor) -> None:
    """Whether the object is new or known."""
    with refused("given_twice"):
        sites.create(session, actor, replace(SITE, demands=[BREAST, BREAST]))
    site = sites.create(session, actor, SITE)
    with refused("given_twice"):
        sites.change(session, actor, site.id, 1, {"demands": [BREAST, BREAST]}, DAY)


def test_a_row_of_a_part_that_stays_is_kept(session: Session, actor: Actor) -> None:
    """Other tables may point to it."""
    site = sites.create(session, actor, SITE)
    row = site.demands[0]
    sites.change(session, actor, site.id, 1, {"demands": [COUNTED]}, DAY)
    assert site.demands == [row]
    assert row.women_due == 400
