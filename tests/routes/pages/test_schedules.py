"""The coordinator's diary: how full everything is, templates and their use, slots by pattern, and dated exceptions."""

import re
from datetime import UTC, date, datetime, time
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import Engine, select

from mobile_units import clock, db
from mobile_units.models.itineraries import Stop
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.visits import Visit
from mobile_units.rules.admission import BookingChannel, Reservation
from mobile_units.rules.bulk_moves import BulkMoveStatus
from mobile_units.rules.programmes import Mobility, Path
from mobile_units.rules.roles import Role
from mobile_units.rules.templates import Blocking, Break, HeldBack, Hours, Overbooking
from mobile_units.services import dated_exceptions, itineraries, slots, templates, visits
from mobile_units.services.actors import Actor
from mobile_units.services.dated_exceptions import ExceptionFilter
from mobile_units.services.queries import Paging
from mobile_units.services.templates import KeptTemplate, TemplateFilter
from mobile_units.services.visits import NewVisit
from routes.pages import template_forms
from tests import factories, factories_booking, factories_planning, factories_templates
from tests.factories_planning import MAMMOGRAPHY, THURSDAY, WEDNESDAY
from tests.routes.pages.browser import Browser, browser
from tests.routes.pages.test_style import ELSEWHERE, INLINE
from tests.statements import counted

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)
EVIL = "<b>zło</b>"
START = "/schedules"
NEW = "/schedules/templates/new"


class House:
    """A mammobus published at a site on a Wednesday, and a coordinator, signed in."""

    def __init__(self, app: Flask, engine: Engine) -> None:
        self.app, self.engine = app, engine
        with db.transaction(engine) as session:
            self.actor = Actor(factories.provider(session).id)
            factories_planning.contract(session, self.actor.provider_id, {MAMMOGRAPHY: 1000, "10.7940.158.02": 1000})
            self.unit = factories_planning.unit(session, self.actor.provider_id)
        self.stops = [self.publish("Wieluń", WEDNESDAY, THURSDAY)]
        self.person = self.somebody(Role.COORDINATOR)

    @property
    def stop_id(self) -> int:
        """The first stop."""
        return self.stops[0]

    def publish(self, name: str, *days: date) -> int:
        """A published stop at a new site; its key."""
        with db.transaction(self.engine) as session:
            site = factories_planning.site(session, self.actor.provider_id)
            site.name = name
            made = factories_planning.draft(session, self.actor, name)
            itineraries.add_stop(
                session, self.actor, made.id, factories_planning.stop_of(self.unit, site, *days, women=6)
            )
            factories_planning.publish(session, self.actor, itineraries.get(session, self.actor, made.id), NOW)
            return itineraries.get(session, self.actor, made.id).stops[0].id

    def somebody(self, *roles: Role) -> Browser:
        """Somebody with these roles, signed in."""
        found = browser(self.app, self.engine, *roles, provider_id=self.actor.provider_id)
        found.sign_in()
        found.get("/")
        return found

    def template(self, **values: object) -> KeptTemplate:
        """A template that is kept; mammography from eight to ten unless something else is said."""
        with db.transaction(self.engine) as session:
            return factories_templates.kept(session, self.actor, factories_templates.week(**values))  # type: ignore[arg-type]  # passed on

    def slots(self, stop_id: int | None = None) -> list[Slot]:
        """The slots of a stop, in order of time."""
        with db.transaction(self.engine) as session:
            query = select(Slot).join(Slot.schedule).join(Schedule.mobile_point)
            wanted = Schedule.mobile_point.has(stop_id=stop_id or self.stop_id)
            return list(session.scalars(query.where(wanted).order_by(Slot.starts_at)))

    def book(self, slot: Slot) -> int:
        """A visit of a new woman in a slot; its key."""
        with db.transaction(self.engine) as session:
            woman = factories_booking.woman(session, self.actor.provider_id)
            command = NewVisit(woman_id=woman.id, slot_id=slot.id, path=Path.MAMMOGRAPHY)
            return visits.book(session, self.actor, command, NOW).id

    def kept(self) -> list[KeptTemplate]:
        """All templates."""
        with db.transaction(self.engine) as session:
            return list(templates.find(session, self.actor, TemplateFilter()).items)


@pytest.fixture
def house(app: Flask, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> House:
    """A new provider on the first of March."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(clock, "today", NOW.date)
    return House(app, engine)


def read(page: str) -> str:
    """What a page says, with breaks of any kind as single spaces."""
    return " ".join(unescape(re.sub("<[^>]+>", " ", page)).replace("\u00a0", " ").split())


def hidden(page: str, step: str) -> dict[str, str]:
    """The hidden fields of the form that carries out what was previewed."""
    form = next(part for part in page.split("<form") if f'name="step" value="{step}"' in part)
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form)
    return {name: unescape(value) for name, value in found if name != "csrf_token"}


def test_the_start_tells_how_full_stops_and_places_are(house: House) -> None:
    """Counts of each, what waits for a person, and links on; nothing of another provider; statements do not grow."""
    first, second, *_ = house.slots()
    house.book(first)
    with db.transaction(house.engine) as session:
        slots.block(session, house.actor, second.id)
    page = house.person.get(START).text
    assert f'href="/schedules/stops/{house.stop_id}"' in page
    assert 'aria-label="zajęte 1, wolne 16, zablokowane 1, czekające na odpowiedź 0, osierocone 0"' in page
    assert "zablokowane 1" in read(page)
    assert all(f'href="{link}"' in page for link in ("/cover", "/moves", "/schedules/orphaned", "/schedules/templates"))
    with counted(house.engine) as one:
        house.person.get(START)
    house.publish("Osjaków", date(2027, 3, 15))
    with counted(house.engine) as two:
        assert "Osjaków" in house.person.get(START).text
    assert len(one) == len(two)
    assert "Osjaków" not in house.person.get(f"{START}?unit_id={house.unit.id + 1}").text
    assert "Wieluń" not in house.person.get(f"{START}?from=2027-03-12").text
    assert house.person.get(f"{START}?from=never").status_code == 422


def test_a_template_is_made_shown_and_changed_in_its_form(house: House) -> None:
    """Every field is kept and shown again; the day that follows is drawn before anything is stored."""
    person = house.person
    person.get(NEW)
    fields = {
        "name": EVIL, "kind": "own", "crew": "dwie techniczki", "setup_minutes": "30",
        "opens-1-0": "08:00", "closes-1-0": "10:00", "breaks-1-0": "9:00-9:10",
        "opens-1-1": "11:00", "closes-1-1": "12:00",
        "minutes-mammography": "10", "weight-mammography": "1", "places-breast": "2", "women-breast": "40",
        "held_slots": "1", "held_percent": "10", "quota-desk": "20", "quota-telephone": "0", "quota-central": "0",
        "overbooking_places": "3", "overbooking_reason": "kilka nie przychodzi", "every": "0", "last_minutes": "20",
    }  # fmt: skip
    shown = person.submit(NEW, step="show", **fields)
    assert shown.status_code == 200
    told = "mammografia: 17 terminów, 30 kobiet; dla pilnych 3; tylko jednym kanałem 2; zablokowane 2; nadliczbowe 3"
    assert told in read(shown.text)
    assert shown.text.count('<rect class="k-') == 17
    assert not house.kept()
    assert person.submit(NEW, step="save", **fields).status_code == 302
    [kept] = house.kept()
    assert (kept.name, kept.template.week[1]) == (
        EVIL,
        (Hours(time(8), time(10), (Break(time(9), time(9, 10)),)), Hours(time(11), time(12))),
    )
    assert kept.template.held_back == HeldBack(1, 10)
    assert kept.template.quotas == {BookingChannel.DESK: 20}
    assert kept.template.overbooking == Overbooking(3, "kilka nie przychodzi")
    assert kept.template.blocking == Blocking(0, 20)
    here = f"/schedules/templates/{kept.id}"
    page = person.get(here).text
    assert EVIL not in page
    assert 'value="09:00–09:10"' in page
    again = template_forms.read(template_forms.of_template(kept.name, kept.template))
    assert again.template == kept.template
    assert person.submit(here, step="save", version="99", **fields).status_code == 409
    changed = person.submit(here, step="save", version=str(kept.version), **fields | {"name": "Zwykły"})
    assert changed.status_code == 302
    assert [each.name for each in house.kept()] == ["Zwykły"]
    assert person.submit(f"{here}/retire").status_code == 302
    assert "Zwykły" not in person.get("/schedules/templates").text.split("<main")[1].split("<section")[1]
    assert "Zwykły" in person.get("/schedules/templates?retired=1").text


def test_shared_rooms_come_back_from_their_form(house: House) -> None:
    """Rooms and persons with what they serve; more lines are asked for without JavaScript."""
    kept = house.template(shared=factories_templates.shared())
    form = template_forms.of_template(kept.name, kept.template)
    assert template_forms.read(form).template == kept.template
    fields = {name: form[name] for name in form if "serves" not in name}
    longer = house.person.submit(f"/schedules/templates/{kept.id}", step="more-room", **fields)
    assert 'name="room-2"' in longer.text
    assert 'name="person-2"' not in longer.text
    copied = house.person.submit(NEW, step="copy", **fields | {"opens-1-0": "07:15"})
    assert copied.text.count('value="07:15"') == 5


def test_what_is_wrong_with_a_template_is_told_beside_its_fields(house: House) -> None:
    """All faults at once, nothing typed is lost, and nothing is kept."""
    house.template()
    fields = dict(template_forms.blank().items()) | {
        "name": house.kept()[0].name, "breaks-2-0": "16:00-16:15", "quota-desk": "90", "quota-central": "30",
        "overbooking_places": "2", "held_percent": "101", "step": "save",
    }  # fmt: skip
    house.person.get(NEW)
    refused = house.person.submit(NEW, **fields)
    assert refused.status_code == 422
    told = dict(re.findall(r'<span class="flaw" id="blad-([\w-]+)" role="alert">([^<]+)</span>', refused.text))
    assert told.keys() == {"week-2", "quotas", "overbooking", "held"}
    assert "wykracza poza godziny pracy" in told["week-2"]
    assert 'value="16:00-16:15"' in refused.text
    right = fields | {"breaks-2-0": "", "quota-desk": "0", "overbooking_places": "0", "held_percent": "0"}
    taken = house.person.submit(NEW, **right)
    assert (taken.status_code, 'id="blad-name"' in taken.text) == (409, True)
    assert len(house.kept()) == 1


def test_a_template_is_applied_exactly_as_it_was_previewed(house: House) -> None:
    """The preview changes nothing; if anything happens meanwhile nothing is done and a new preview is asked for."""
    kept = house.template(minutes=20)
    here = f"/schedules/templates/{kept.id}/apply"
    before = len(house.slots())
    assert f'value="{house.stop_id}" checked' in house.person.get(f"{here}?stop_id={house.stop_id}").text
    wish = {"step": "preview", "target": "stops", "mode": "overwrite", "stop": str(house.stop_id)}
    page = house.person.submit(here, **wish).text
    assert "nowe" in read(page)
    assert "śr. 10.03" in read(page)
    assert len(house.slots()) == before
    visit_id = house.book(house.slots()[1])
    refused = house.person.submit(here, **hidden(page, "apply"))
    assert refused.status_code == 409
    assert "Od podglądu coś się zmieniło" in refused.text
    assert {slot.status for slot in house.slots()} == {SlotStatus.OPEN}
    page = house.person.submit(here, **wish).text
    assert "1 termin z wizytami zostanie osierocony" in read(page)
    done = house.person.submit(here, **hidden(page, "apply"))
    assert (done.status_code, done.headers["Location"]) == (302, f"/schedules/stops/{house.stop_id}")
    assert [slot.status for slot in house.slots()].count(SlotStatus.ORPHANED) == 1
    orphaned = house.person.get("/schedules/orphaned").text
    assert f"nr {visit_id}" in read(orphaned)
    assert "zastosowano szablon" in orphaned
    assert f"/moves/new?orphaned=1&amp;stop_id={house.stop_id}" in orphaned
    none = house.person.submit(here, step="preview", target="stops", mode="additive")
    assert (none.status_code, "zaznacz co najmniej jeden" in none.text) == (422, True)


def test_slots_are_changed_by_a_pattern_after_a_count(house: House) -> None:
    """Every second slot is blocked once the number was seen; slots with visits are refused or left out."""
    here = f"/schedules/stops/{house.stop_id}"
    house.person.get(here)
    visited = house.slots()[0]
    house.book(visited)
    wish = {
        "act": "block", "first_day": "2027-03-10", "last_day": "2027-03-11", "every": "2", "beginning_with": "1",
    }  # fmt: skip
    page = house.person.submit(here, **wish).text
    assert "zmieni się 8 terminów z 9" in read(page)
    assert "Zablokuj 8" not in read(page)
    page = house.person.submit(here, **wish, skip_visits="1").text
    assert SlotStatus.BLOCKED not in {slot.status for slot in house.slots()}
    assert house.person.submit(here, **hidden(page, "apply") | {"expected": "7"}).status_code == 409
    assert SlotStatus.BLOCKED not in {slot.status for slot in house.slots()}
    assert house.person.submit(here, **hidden(page, "apply")).status_code == 302
    assert [slot.status for slot in house.slots()].count(SlotStatus.BLOCKED) == 8
    assert house.person.get(here).text.count('class="slot k-blocked"') == 8
    reserve = wish | {"act": "reserve", "reserve_for": "telephone", "every": "3"}
    house.person.submit(here, **hidden(house.person.submit(here, **reserve).text, "apply"))
    assert {slot.reserved_for for slot in house.slots()} == {None, Reservation.TELEPHONE}
    assert house.person.submit(here, **wish | {"every": "0"}).status_code == 422


def test_one_slot_is_changed_where_it_stands(house: House) -> None:
    """Capacity, blocking and withdrawing; a slot of another stop is not found here."""
    here = f"/schedules/stops/{house.stop_id}"
    first, second, third, *_ = house.slots()
    page = house.person.get(f"{here}?slot_id={first.id}").text
    assert 'id="termin"' in page
    for act, slot in (("capacity", first), ("block", second), ("withdraw", third)):
        assert house.person.submit(here, slot_id=str(slot.id), act=act, capacity="3").status_code == 302
    assert house.slots()[0].capacity == 3
    assert [slot.status for slot in house.slots()][1:3] == [SlotStatus.BLOCKED, SlotStatus.WITHDRAWN]
    house.book(house.slots()[4])
    refused = house.person.submit(here, slot_id=str(house.slots()[4].id), act="withdraw")
    assert (refused.status_code, "są wizyty: 1" in refused.text) == (409, True)
    other = house.publish("Osjaków", date(2027, 3, 15))
    stray = house.person.submit(here, slot_id=str(house.slots(other)[0].id), act="block")
    assert stray.status_code == 404


def test_a_place_has_its_exceptions(house: House) -> None:
    """Other hours or none on a day, with a reason; refused twice for a day; a mobile place has no such page."""
    with db.transaction(house.engine) as session:
        place = factories_booking.service_place(session, house.actor.provider_id, mobility=Mobility.STATIONARY)
        mobile = house.unit.programmes[0].service_place_id
    here = f"/schedules/places/{place.id}"
    assert "Nie ma wyjątków" in house.person.get(here).text
    wish = {"day": "2027-03-15", "closed": "1", "reason": EVIL}
    assert house.person.submit(f"{here}/exceptions", **wish).status_code == 302
    page = house.person.get(here).text
    assert "nieczynne" in page
    assert EVIL not in page
    twice = house.person.submit(f"{here}/exceptions", **wish)
    assert (twice.status_code, 'value="2027-03-15"' in twice.text) == (409, True)
    late = wish | {"day": "2027-03-16", "closed": "", "opens": "12:00", "closes": "10:00"}
    assert house.person.submit(f"{here}/exceptions", **late).status_code == 422
    with db.transaction(house.engine) as session:
        [kept] = dated_exceptions.find(session, house.actor, ExceptionFilter(Paging())).items
    assert house.person.submit(f"{here}/exceptions/{kept.id}/delete").status_code == 302
    assert "Nie ma wyjątków" in house.person.get(here).text
    assert house.person.get(f"/schedules/places/{mobile}").status_code == 404


def test_a_lost_stop_is_moved_and_brought_back(house: House) -> None:
    """Asked for, chosen by hand, applied and undone; nobody is named, and refusals are told on the page."""
    other = house.publish("Osjaków", date(2027, 3, 15))
    first, second, *_ = house.slots()
    visit_ids = [house.book(first), house.book(second)]
    person = house.person
    page = person.get(f"/moves/new?stop_id={house.stop_id}").text
    assert f'<option value="{house.stop_id}" selected' in page
    fields = dict(re.findall(r'name="(weight-[a-z_]+|within_km|within_days|notice_days)"[^>]* value="([^"]*)"', page))
    wish = {"way": "stop", "stop_id": str(house.stop_id), "where": "near", "reason": EVIL, **fields}
    assert person.submit("/moves/new", **wish | {"reason": ""}).status_code == 422
    made = person.submit("/moves/new", **wish)
    here = made.headers["Location"]
    page = person.get(here).text
    assert "Przenieś 2 wizyty" in read(page)
    assert EVIL not in page
    assert "Testowa" not in page
    version = hidden(page.replace('name="version"', 'name="step" value="x"><input type="hidden" name="version"'), "x")
    wanted = house.slots(other)[5]
    choice = f"{here}/visits/{visit_ids[0]}"
    assert f'value="{wanted.id}"' in person.get(choice).text
    assert "Osjaków" in person.get(f"{choice}?text=osjak").text
    taken = house.slots()[1]
    assert person.submit(choice, version=version["version"], slot_id=str(taken.id)).status_code == 302
    page = person.get(here).text
    assert "wybrany ręcznie" in page
    stale = person.submit(f"{here}/apply", **version)
    assert (stale.status_code, "ktoś" in stale.text or "zmienił" in stale.text) == (409, True)
    known = re.findall(r'name="version" value="(\d+)"', page)[0]
    person.submit(choice, version=known, slot_id="")
    page = person.get(here).text
    known = re.findall(r'name="version" value="(\d+)"', page)[0]
    kept_back = person.submit(f"{here}/apply", version=known)
    assert (kept_back.status_code, "Bez innego terminu zostają wizyty: 1" in kept_back.text) == (409, True)
    assert person.submit(f"{here}/apply", version=known, leave_unassigned="1").status_code == 302
    page = person.get(here).text
    assert "Cofnij przeniesienie" in page
    known = re.findall(r'name="version" value="(\d+)"', page)[0]
    assert person.submit(f"{here}/undo", version=known, reason="").status_code == 422
    assert person.submit(f"{here}/undo", version=known, reason="pomyłka").status_code == 302
    assert "wróciły na dawne miejsca" in person.get(here).text
    assert BulkMoveStatus.UNDONE.name_pl in read(person.get("/moves?status=undone").text)
    with db.transaction(house.engine) as session:
        query = select(Slot.id).join(Visit, Visit.slot_id == Slot.id).where(Visit.status == "booked")
        assert {first.id, second.id} <= set(session.scalars(query))


def test_each_page_is_for_those_whose_work_it_is(house: House) -> None:
    """Midwives move visits and see the orphaned slots, coordinators all; another provider finds nothing."""
    kept = house.template()
    pages = {
        START: False, f"/schedules/stops/{house.stop_id}": False, "/schedules/templates": False, NEW: False,
        f"/schedules/templates/{kept.id}": False, f"/schedules/templates/{kept.id}/apply": False,
        f"/schedules/apply?stop_id={house.stop_id}": False,
        "/schedules/orphaned": True, "/moves": True, "/moves/new": True,
    }  # fmt: skip
    midwife, settlement = house.somebody(Role.MIDWIFE), house.somebody(Role.SETTLEMENT)
    stranger = browser(house.app, house.engine, Role.COORDINATOR)
    stranger.sign_in()
    for path, for_midwives in pages.items():
        page = house.person.get(path)
        assert page.status_code in {200, 302}, path
        assert not INLINE.search(page.text), path
        assert not ELSEWHERE.search(page.text), path
        assert midwife.get(path).status_code == (200 if for_midwives else 403), path
        assert settlement.get(path).status_code == 403, path
    for path in (f"/schedules/stops/{house.stop_id}", f"/schedules/templates/{kept.id}", "/moves/1/visits/1"):
        assert stranger.get(path).status_code == 404
    assert stranger.get(f"/moves/new?stop_id={house.stop_id}").status_code == 404


def test_the_stop_that_is_drawn_is_the_stop_that_is_stored(house: House) -> None:
    """Every slot of the stop is on its page once, in the colour of what it is."""
    house.book(house.slots()[0])
    page = house.person.get(f"/schedules/stops/{house.stop_id}").text
    assert sorted(map(int, re.findall(r"slot_id=(\d+)#termin", page))) == sorted(slot.id for slot in house.slots())
    assert page.count('class="slot k-taken"') == 1
    with db.transaction(house.engine) as session:
        assert session.get_one(Stop, house.stop_id).first_day == WEDNESDAY
