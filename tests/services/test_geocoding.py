"""Looking up sites: what is asked, what is kept, what a site takes over, and what a person says."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, Select, select
from sqlalchemy.orm import Session

from mobile_units import db
from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.planning import GeocodedAddress
from mobile_units.models.sites import Site
from mobile_units.rules.addresses import Address, Candidate, Precision, best
from mobile_units.services import geocoding, sites
from mobile_units.services.actors import Actor
from mobile_units.services.geocoding import (
    UNKNOWN_FOR,
    Answers,
    Ask,
    ConfirmLocation,
    GeocodeResult,
    GeocodeSites,
    Outcome,
)
from mobile_units.services.queries import Paging
from mobile_units.services.sites import NewSite, SiteFilter
from tests import factories

NOW = datetime(2027, 1, 4, 12, tzinfo=UTC)
TODAY = date(2027, 1, 4)


def site(session: Session, actor: Actor, confidence: float | None, **values: Any) -> Site:
    """A site that is known with this confidence."""
    command = {
        "name": "Urząd",
        "locality": "Wieluń",
        "street": f"Nowa {factories.number()}",
        "gmina": "Wieluń",
    } | values
    made = sites.create(
        session, actor, NewSite(code=f"S{factories.number()}", latitude=51.0, longitude=18.0, **command)
    )
    made.location_confidence = confidence
    session.flush()
    return made


def kept(*of: Site) -> Select[GeocodedAddress]:
    """What is known of the addresses of sites."""
    return select(GeocodedAddress).where(
        GeocodedAddress.query.in_(f"wieluń, {each.street}; gmina wieluń".lower() for each in of)
    )


def house(address: Address, **values: Any) -> Candidate:
    """The answer that leaves no doubt."""
    given: dict[str, Any] = {"latitude": 51.22, "longitude": 18.57, "precision": Precision.HOUSE}
    given["locality"] = address.locality
    return Candidate(label=f"{address.text}!", **given | values)


class Service:
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self, answer: Any = lambda address: [house(address)]) -> None:
        self.answer = answer
        self.asked: list[Address] = []

    def __call__(self, address: Address) -> Sequence[Candidate]:
        """Answers."""
        self.asked.append(address)
        found: Sequence[Candidate] = self.answer(address)
        return found


def look_up(session: Session, actor: Actor, ask: Ask, now: datetime = NOW, **command: Any) -> GeocodeResult:
    """All three steps."""
    wanted = geocoding.prepare(session, actor, GeocodeSites(**command), "uug", now)
    return geocoding.store(session, actor, wanted, geocoding.ask_all(wanted.questions, ask, 60), now, TODAY)


def nobody(address: Address) -> list[Candidate]:
    """A service that knows no address."""
    return []


def broken(address: Address) -> list[Candidate]:
    """A service that is down."""
    raise DomainError("geocoder_failed", reason="HTTP 500")


def test_sites_in_doubt_are_looked_up(session: Session, actor: Actor) -> None:
    """They take over what was found, with its confidence; certain, doubtless and retired ones are left alone."""
    doubtful = site(session, actor, 0.4)
    for confidence in (None, 0.7, 1.0):
        site(session, actor, confidence)
    site(session, actor, 0.1).active = False
    site(session, Actor(factories.provider(session).id), 0.1)
    service = Service()
    result = look_up(session, actor, service)
    assert [address.street for address in service.asked] == [doubtful.street]
    assert (doubtful.latitude, doubtful.longitude, doubtful.location_confidence) == (51.22, 18.57, 1.0)
    (told,) = result.sites
    assert (told.site_id, told.outcome, told.confidence) == (doubtful.id, Outcome.LOCATED, 1.0)
    assert told.found == f"Wieluń, {doubtful.street}!"
    assert (result.asked, result.left, result.failure) == (1, 0, None)
    assert changes(session, doubtful) == 1


def test_an_address_is_asked_once(session: Session, actor: Actor) -> None:
    """Two sites at one address are one question, and the answer holds for every later round and provider."""
    other = Actor(factories.provider(session).id)
    for owner in (actor, actor, other):
        site(session, owner, 0.1, street="Jedna 1")
    service = Service()
    assert len(look_up(session, actor, service).sites) == 2
    assert look_up(session, other, service).sites[0].outcome is Outcome.LOCATED
    assert len(service.asked) == 1
    row = session.scalars(select(GeocodedAddress).where(GeocodedAddress.query.contains("jedna 1"))).one()
    assert (row.geocoder, row.query, row.confidence, row.asked_at) == ("uug", "wieluń, jedna 1; gmina wieluń", 1.0, NOW)


def test_an_unknown_address_is_asked_again_after_a_while(session: Session, actor: Actor) -> None:
    """Registers grow; until then nobody is asked in vain, and a second round has nothing to tell."""
    lost = site(session, actor, 0.2)
    service = Service(nobody)
    first = look_up(session, actor, service)
    assert [(each.site_id, each.outcome) for each in first.sites] == [(lost.id, Outcome.NOT_FOUND)]
    early = look_up(session, actor, service, NOW + UNKNOWN_FOR - timedelta(seconds=1))
    assert (early.asked, early.left, early.sites, len(service.asked)) == (0, 0, [], 1)
    service.answer = lambda address: [house(address)]
    late = look_up(session, actor, service, NOW + UNKNOWN_FOR)
    assert (late.sites[0].outcome, lost.latitude) == (Outcome.LOCATED, 51.22)
    assert len(session.scalars(kept(lost)).all()) == 1


def test_a_round_asks_only_so_many(session: Session, actor: Actor) -> None:
    """What is left is told, and the next round goes on with it."""
    for _ in range(5):
        site(session, actor, 0.2)
    service = Service()
    assert [look_up(session, actor, service, limit=2).left for _ in range(3)] == [3, 1, 0]
    assert len(service.asked) == 5


def test_time_ends_a_round(session: Session, actor: Actor) -> None:
    """No question is begun after it."""
    service = Service()
    answers = geocoding.ask_all([Address("Wieluń"), Address("Osjaków")], service, -1)
    assert (answers.known, answers.unasked, service.asked) == ({}, 2, [])


def test_a_service_that_is_down_is_not_asked_on(session: Session, actor: Actor) -> None:
    """Twice in a row is enough; nothing is kept of it."""
    lost = [site(session, actor, 0.2) for _ in range(4)]
    service = Service(broken)
    result = look_up(session, actor, service)
    assert (len(service.asked), result.asked, result.left, result.sites) == (2, 0, 4, [])
    assert result.failure is not None
    assert result.failure.code == "geocoder_failed"
    assert not session.scalars(kept(*lost)).all()


def test_one_address_that_the_service_cannot_stand_does_not_stop_the_others(session: Session, actor: Actor) -> None:
    """It is left over, and what was answered counts."""
    bad, good = site(session, actor, 0.2), site(session, actor, 0.2)
    service = Service(lambda address: broken(address) if address.street == bad.street else [house(address)])
    result = look_up(session, actor, service)
    assert [each.site_id for each in result.sites] == [good.id]
    assert (result.asked, result.left, result.failure) == (1, 1, None)


def test_a_worse_answer_is_not_taken_over(session: Session, actor: Actor) -> None:
    """It is told that the site was kept as it is."""
    known = site(session, actor, 0.5)
    before = known.version
    result = look_up(session, actor, Service(lambda address: [house(address, precision=Precision.LOCALITY)]))
    assert (result.sites[0].outcome, result.sites[0].confidence) == (Outcome.KEPT, 0.5)
    assert (known.latitude, known.location_confidence, known.version) == (51.0, 0.5, before)


@pytest.mark.parametrize(
    ("precision", "outcome"), [(Precision.HOUSE, Outcome.LOCATED), (Precision.STREET, Outcome.KEPT)]
)
def test_a_site_that_is_certain_is_moved_only_by_name_and_without_doubt(
    session: Session, actor: Actor, precision: Precision, outcome: Outcome
) -> None:
    """A person confirmed it, or a register gave it."""
    certain = site(session, actor, None)
    service = Service(lambda address: [house(address, precision=precision)])
    assert look_up(session, actor, service).sites == []
    result = look_up(session, actor, service, site_ids=[certain.id])
    assert [each.outcome for each in result.sites] == [outcome]
    assert (certain.latitude == 51.22) is (outcome is Outcome.LOCATED)


def test_a_site_that_is_not_there_is_named(session: Session, actor: Actor) -> None:
    """Nor is one of another provider."""
    foreign = site(session, Actor(factories.provider(session).id), 0.1)
    with pytest.raises(DomainError) as refused:
        geocoding.prepare(session, actor, GeocodeSites(site_ids=[foreign.id]), "uug", NOW)
    assert refused.value.code == "not_found"


def test_a_site_that_was_changed_meanwhile_stays_as_it_is(session: Session, actor: Actor) -> None:
    """The answer is kept for the next round."""
    moved = site(session, actor, 0.2)
    wanted = geocoding.prepare(session, actor, GeocodeSites(), "uug", NOW)
    answers = geocoding.ask_all(wanted.questions, Service(), 60)
    sites.change(session, actor, moved.id, moved.version, {"name": "Inny"}, TODAY)
    result = geocoding.store(session, actor, wanted, answers, NOW, TODAY)
    assert (result.sites[0].outcome, moved.latitude) == (Outcome.KEPT, 51.0)
    assert look_up(session, actor, broken).sites[0].outcome is Outcome.LOCATED


def test_the_same_coordinates_only_become_certain(session: Session, actor: Actor) -> None:
    """The version is raised all the same."""
    right = site(session, actor, 0.2)
    before = right.version
    look_up(session, actor, Service(lambda address: [house(address, latitude=51.0, longitude=18.0)]))
    assert (right.location_confidence, right.latitude, right.version) == (1.0, 51.0, before + 1)


def test_an_endless_address_is_not_asked(session: Session, actor: Actor) -> None:
    """Nobody could know it."""
    service = Service()
    answers = geocoding.ask_all([Address("x" * 1001), Address(None, " ")], service, 60)
    assert (answers, service.asked) == (Answers(), [])


def test_a_later_answer_replaces_the_one_before(engine: Engine) -> None:
    """Two who asked the same at once do not collide; this is the one test here that commits."""
    key = f"wyścig {factories.number()}"
    found = best(Address(key), [house(Address(key), precision=Precision.LOCALITY)])
    for known, count in ((None, 0), (found, 1), (found, 1)):
        with db.transaction(engine) as session:
            geocoding.remember(session, "uug", {key: known}, NOW)
        with db.transaction(engine) as session:
            remembered = geocoding.remembered(session, "uug", [Address(key)], NOW)
            assert [each is not None for each in remembered.values()] == [bool(count)]
    with db.transaction(engine) as session:
        assert geocoding.remembered(session, "nominatim", [Address(key)], NOW) == {}


# a person's word


def changes(session: Session, changed: Site) -> int:
    """How often the audit log tells of a change of the site."""
    entries = session.scalars(select(AuditEntry).where(AuditEntry.subject_id == changed.id)).all()
    return [(entry.subject, entry.action) for entry in entries].count(("site", "change"))


def test_a_person_confirms_a_place(session: Session, actor: Actor) -> None:
    """Nobody doubts it any more."""
    doubtful = site(session, actor, 0.4)
    before = doubtful.version
    geocoding.confirm(session, actor, doubtful.id, ConfirmLocation(version=before), TODAY)
    assert (doubtful.location_confidence, doubtful.latitude, doubtful.version) == (None, 51.0, before + 1)
    assert changes(session, doubtful) == 1


def test_a_person_corrects_a_place(session: Session, actor: Actor) -> None:
    """By coordinates from a map."""
    doubtful = site(session, actor, 0.4)
    command = ConfirmLocation(version=doubtful.version, latitude=51.5, longitude=18.5)
    geocoding.confirm(session, actor, doubtful.id, command, TODAY)
    assert (doubtful.location_confidence, doubtful.latitude, doubtful.longitude) == (None, 51.5, 18.5)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"version": 7}, "stale_version"),
        ({"latitude": 51.5}, "coordinates_incomplete"),
        ({"longitude": 18.5}, "coordinates_incomplete"),
        ({"latitude": 18.5, "longitude": 51.5}, "outside_poland"),
    ],
)
def test_a_word_that_cannot_be_taken_is_refused(
    session: Session, actor: Actor, values: dict[str, Any], code: str
) -> None:
    """The place stays in doubt."""
    doubtful = site(session, actor, 0.4)
    command = ConfirmLocation(**{"version": doubtful.version} | values)
    with pytest.raises(DomainError) as refused:
        geocoding.confirm(session, actor, doubtful.id, command, TODAY)
    assert refused.value.code == code
    assert (doubtful.location_confidence, doubtful.latitude) == (0.4, 51.0)


def test_sites_in_doubt_can_be_listed(session: Session, actor: Actor) -> None:
    """Or those that are not."""
    doubtful, fair, certain = (site(session, actor, confidence) for confidence in (0.69, 0.7, None))

    def listed(doubtful: bool | None) -> set[int]:
        return {each.id for each in sites.find(session, actor, SiteFilter(Paging(), doubtful=doubtful)).items}

    assert listed(True) == {doubtful.id}
    assert listed(False) == {fair.id, certain.id}
    assert listed(None) == {doubtful.id, fair.id, certain.id}
