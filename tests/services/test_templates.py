"""Templates and exceptions as they are kept: what comes back is what was given."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from mobile_units.models.templates import ScheduleTemplate
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.templates import Blocking, Break, Examination, HeldBack, Hours, Overbooking, Rooms, Template
from mobile_units.services import dated_exceptions, templates
from mobile_units.services.actors import Actor
from mobile_units.services.dated_exceptions import ExceptionFilter, NewException
from mobile_units.services.queries import Paging
from mobile_units.services.template_content import content_of, template_of
from mobile_units.services.templates import NewTemplate, TemplateFilter
from tests import factories_booking
from tests.factories_templates import hours, kept, shared, week
from tests.statements import refused

few = st.integers(0, 20)
times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
spans = st.lists(times, min_size=4, max_size=4, unique=True).map(sorted)
working = spans.map(lambda marks: Hours(marks[0], marks[3], (Break(marks[1], marks[2]),)))


def rooms_of(programme: Programme) -> st.SearchStrategy[Rooms]:
    """Rooms for some of a programme's examinations."""
    paths = st.sets(st.sampled_from([path for path in Path if path.programme is programme]), min_size=1)
    return st.builds(
        lambda chosen, minutes, places, limit: Rooms(
            tuple(Examination(path, minutes, 1) for path in sorted(chosen)), places, limit
        ),
        paths,
        st.integers(1, 240),
        st.integers(1, 20),
        st.none() | few,
    )


common: dict[str, Any] = {
    "week": st.dictionaries(st.integers(1, 7), working.map(lambda each: (each,))),
    "crew": st.text(max_size=20),
    "setup_minutes": few,
    "held_back": st.builds(HeldBack, few, st.integers(0, 100)),
    "quotas": st.dictionaries(st.sampled_from(BookingChannel), st.integers(0, 33)),
    "blocking": st.builds(Blocking, few, few),
}
any_template = st.builds(
    Template,
    rooms=st.sets(st.sampled_from(Programme), min_size=1).flatmap(
        lambda chosen: st.tuples(*map(rooms_of, sorted(chosen)))
    ),
    overbooking=st.none() | st.builds(Overbooking, few, st.just("rezerwa")),
    **common,
) | st.builds(Template, shared=st.builds(shared), **common)


@given(any_template)
@settings(max_examples=50)
def test_what_is_kept_says_the_same(template: Template) -> None:
    """Both ways; the same template is always written in the same words."""
    content = content_of(template)
    assert template_of(content) == template
    assert content_of(template_of(content)) == content


FULL = content_of(week(overbooking=Overbooking(1, "rezerwa"), quotas={BookingChannel.DESK: 5}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"crew": 5},
        {"setup_minutes": True},
        {"setup_minutes": "5"},
        {"held_back": {"slots": 1}},
        {"held_back": {"slots": 1, "percent": 5, "more": 1}},
        {"week": {"9": []}},
        {"week": {"1": [{"opens": "8", "closes": "10:00", "breaks": []}]}},
        {"rooms": [{"examinations": [{"path": "rtg", "minutes": 5, "weight": 1}], "places": 1, "women_per_day": None}]},
        {"quotas": {"fax": 5}},
        {"quotas": 5},
        {"overbooking": {"places": "2", "reason": "rezerwa"}},
        {"further": 1},
    ],
)
def test_what_cannot_be_read_is_refused(wrong: dict[str, Any]) -> None:
    """Nothing is guessed; the same without the mistake is read."""
    assert template_of(FULL)
    with refused("template_unreadable"):
        template_of(FULL | wrong)
    with refused("template_unreadable"):
        template_of({name: value for name, value in FULL.items() if name not in wrong and name != "crew"})


def test_templates_are_kept_by_name(session: Session, actor: Actor) -> None:
    """Changed by version, found by part of the name, retired and taken into use again."""
    made = kept(session, actor, week())
    changed = templates.change(session, actor, made.id, made.version, {"name": "Zima", "template": week(minutes=12)})
    assert (changed.name, changed.version) == ("Zima", made.version + 1)
    assert changed.template.rooms[0].examinations[0].minutes == 12
    with refused("stale_version"):
        templates.change(session, actor, made.id, made.version, {"name": "Lato"})
    templates.retire(session, actor, made.id)
    found = templates.find(session, actor, TemplateFilter(text="zim", active=False))
    assert [(each.id, each.active) for each in found.items] == [(made.id, False)]
    again = templates.change(
        session, actor, made.id, session.get_one(ScheduleTemplate, made.id).version, {"active": True}
    )
    assert again.active
    with refused("already_exists"), session.begin_nested():
        templates.create(session, actor, NewTemplate("Zima", week()))


def test_exceptions_are_kept_by_place_and_day(session: Session, actor: Actor) -> None:
    """One for each day; other providers have none."""
    place = factories_booking.service_place(session, actor.provider_id)
    day = date(2027, 3, 10)
    made = dated_exceptions.create(session, actor, place.id, NewException(day, [hours("09:00", "10:00")], "zjazd"))
    assert made.hours == (hours("09:00", "10:00"),)
    with refused("already_exists"), session.begin_nested():
        dated_exceptions.create(session, actor, place.id, NewException(day, (), "targ"))
    with refused("opening_hours_overlap"):
        dated_exceptions.change(session, actor, made.id, made.version, {"hours": [hours(), hours("09:00", "11:00")]})
    changed = dated_exceptions.change(session, actor, made.id, made.version, {"hours": [], "reason": "targ"})
    assert (changed.hours, changed.reason, changed.version) == ((), "targ", made.version + 1)
    around = ExceptionFilter(Paging(), place.id, day, day)
    assert dated_exceptions.find(session, actor, around).total == 1
    later = ExceptionFilter(Paging(), place.id, date(2027, 3, 11), None)
    assert dated_exceptions.find(session, actor, later).total == 0
    [hours_of_day] = dated_exceptions.of_places(session, [place.id], day, day)[place.id]
    assert (hours_of_day.day, hours_of_day.hours, hours_of_day.reason) == (day, (), "targ")
    with refused("not_found"):
        dated_exceptions.delete(session, Actor(actor.provider_id + 1), made.id)
    dated_exceptions.delete(session, actor, made.id)
    assert dated_exceptions.find(session, actor, around).total == 0
