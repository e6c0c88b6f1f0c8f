"""A template meets what stands already: the preview is right, applying it twice does nothing more, no visit is lost."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations
from typing import Any
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from mobile_units.clock import WARSAW
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.programmes import Path
from mobile_units.rules.sessions import Resource
from mobile_units.rules.slots import Interval
from mobile_units.rules.stops import overlaps
from mobile_units.rules.template_changes import (
    Difference,
    Mode,
    Orphan,
    SlotChange,
    StoredSlot,
    applied,
    difference,
)
from mobile_units.rules.template_slots import Applied, PlannedSlot, apply_to_dates, apply_to_stop
from mobile_units.rules.templates import (
    Blocking,
    Examination,
    HeldBack,
    Hours,
    Overbooking,
    Rooms,
    SharedResources,
    Template,
)

MONDAY = date(2026, 9, 7)
TUESDAY = date(2026, 9, 8)
NAMESPACE = UUID("6f3c1a52-6d0c-4c8c-9a51-0f6f3a7f9b11")


def schedule_of(path: Path, day: date) -> UUID:
    """One schedule for each path and month."""
    return uuid5(NAMESPACE, f"{path} {day:%Y-%m}")


def wanted(
    opens: int = 8 * 60,
    closes: int = 9 * 60,
    minutes: int = 20,
    *,
    last: date = MONDAY,
    path: Path = Path.MAMMOGRAPHY,
    **more: Any,
) -> Applied:
    """What a template with one path wants from Monday on, or with shared rooms; hours in minutes of the day."""
    own = Rooms([Examination(path, minutes)], more.pop("places", 1))
    rooms = [] if more.get("shared") else [own]
    hours = Hours(time(opens // 60, opens % 60), time(closes // 60, closes % 60))
    template = Template(week={weekday: [hours] for weekday in range(1, 6)}, rooms=rooms, **more)
    return apply_to_dates(template, MONDAY, last, schedule_of)


def stored(slots: Iterable[PlannedSlot], *visits: int) -> list[StoredSlot]:
    """These slots as they stand, with so many visits in the first ones."""
    found = list(slots)
    return [StoredSlot(slot, count) for slot, count in zip(found, [*visits, *[0] * len(found)], strict=False)]


def starts(slots: Iterable[PlannedSlot]) -> list[str]:
    """When they start on Polish clocks."""
    return [f"{each.time.starts_at.astimezone(WARSAW):%H:%M}" for each in slots]


# in place of what stands


def test_a_template_applied_to_nothing_adds_all() -> None:
    """In both modes."""
    plan = wanted()
    assert difference([], plan, Mode.OVERWRITE) == Difference(added=plan.slots)
    assert difference([], plan, Mode.ADDITIVE) == Difference(added=plan.slots)


def test_what_is_as_wanted_is_kept() -> None:
    """With and without visits; there is nothing to do."""
    plan = wanted()
    change = difference(stored(plan.slots, 1), plan, Mode.OVERWRITE)
    assert change == Difference(kept=plan.slots)
    assert change.nothing_to_do


def test_other_hours_add_keep_and_remove() -> None:
    """From 8:00-9:00 to 8:20-9:20: the first time goes, one comes at the end."""
    change = difference(stored(wanted().slots), wanted(8 * 60 + 20, 9 * 60 + 20), Mode.OVERWRITE)
    assert (starts(change.added), starts(change.kept), starts(change.removed)) == (
        ["09:00"],
        ["08:20", "08:40"],
        ["08:00"],
    )
    assert not change.nothing_to_do


def test_a_slot_with_a_visit_is_orphaned_and_not_removed() -> None:
    """It stays, closed to booking, and is named with its visits."""
    before = wanted(places=2).slots
    change = difference(stored(before, 1), wanted(8 * 60 + 20, 9 * 60, places=2), Mode.OVERWRITE)
    assert change.orphaned == (Orphan(before[0], 1),)
    assert change.removed == ()
    after = applied(stored(before, 1), change)
    assert after[0] == StoredSlot(before[0], 1, orphaned=True)
    assert not difference(stored(before[:1], 1), wanted(12 * 60, 12 * 60 + 10), Mode.OVERWRITE).nothing_to_do


def test_more_places_change_a_slot_and_fewer_than_its_visits_orphan_it() -> None:
    """A slot for two with two visits is not made one for one."""
    one, two = wanted(places=1).slots, wanted(places=2)
    more = difference(stored(one, 1), two, Mode.OVERWRITE)
    assert more.changed == tuple(SlotChange(a, b) for a, b in zip(one, two.slots, strict=True))
    fewer = difference(stored(two.slots, 2, 1), wanted(places=1), Mode.OVERWRITE)
    assert fewer.orphaned == (Orphan(two.slots[0], 2, one[0]),)
    assert fewer.changed == (SlotChange(two.slots[1], one[1]), SlotChange(two.slots[2], one[2]))


def test_a_woman_above_the_capacity_has_room_while_overbooking_allows_it() -> None:
    """Two visits in a slot for one: right with overbooking, orphaned without."""
    over = wanted(overbooking=Overbooking(3, "rezerwa"))
    assert difference(stored(over.slots, 2), over, Mode.OVERWRITE).nothing_to_do
    assert len(difference(stored(over.slots, 2), wanted(), Mode.OVERWRITE).orphaned) == 1


def test_a_visit_in_a_slot_that_is_to_be_blocked_is_orphaned() -> None:
    """The last twenty minutes become blocked: the slot without a visit is changed, the one with a visit is listed."""
    plan = wanted(blocking=Blocking(last_minutes=20))
    last = wanted().slots[2:]
    assert difference(stored(last), plan, Mode.OVERWRITE).changed == (SlotChange(last[0], plan.slots[2]),)
    change = difference(stored(last, 1), plan, Mode.OVERWRITE)
    assert change.orphaned == (Orphan(last[0], 1, plan.slots[2]),)
    again = difference(applied(stored(last, 1), change), plan, Mode.OVERWRITE)
    assert again.nothing_to_do
    assert len(again.orphaned) == 1


def test_another_length_changes_a_slot_without_visits_and_orphans_one_with() -> None:
    """What a woman was given keeps its end."""
    short, long = wanted(minutes=20).slots[:1], wanted(minutes=30)
    assert difference(stored(short), long, Mode.OVERWRITE).changed == (SlotChange(short[0], long.slots[0]),)
    change = difference(stored(short, 1), long, Mode.OVERWRITE)
    assert change.orphaned == (Orphan(short[0], 1, long.slots[0]),)


def test_an_orphan_that_is_wanted_again_is_offered_again() -> None:
    """As it was, and with its visit; once it is, there is nothing more to do."""
    before = wanted().slots
    alone = applied(stored(before, 1), difference(stored(before, 1), wanted(9 * 60, 10 * 60), Mode.OVERWRITE))
    assert [(each.slot, each.orphaned) for each in alone if each.visits] == [(before[0], True)]
    change = difference(alone, wanted(), Mode.OVERWRITE)
    assert change.changed == (SlotChange(before[0], before[0]),)
    again = applied(alone, change)
    assert [each for each in again if each.visits] == [StoredSlot(before[0], 1)]
    assert difference(again, wanted(), Mode.OVERWRITE).nothing_to_do


def test_an_orphan_that_is_left_alone_stays_one() -> None:
    """In additive mode, and where the template does not decide."""
    orphan = [StoredSlot(wanted().slots[0], 1, orphaned=True)]
    change = difference(orphan, wanted(), Mode.ADDITIVE)
    assert applied(orphan, change)[0] == orphan[0]
    later = difference(orphan, wanted(path=Path.HPV_LBC), Mode.OVERWRITE)
    assert orphan[0] in applied(orphan, later)


def test_nothing_new_is_offered_at_the_time_of_an_orphan() -> None:
    """The visit at 8:20 stays until 8:40, so the new times at 8:10 and 8:30 wait; those beside it come."""
    plan = wanted(8 * 60 + 10, 9 * 60 + 10)
    change = difference(stored(wanted().slots, 0, 1), plan, Mode.OVERWRITE)
    assert starts(change.withheld) == ["08:10", "08:30"]
    assert starts(change.added) == ["08:50"]
    moved = [replace(each, visits=0) for each in applied(stored(wanted().slots, 0, 1), change)]
    assert starts(each.slot for each in applied(moved, difference(moved, plan, Mode.OVERWRITE))) == [
        "08:10",
        "08:30",
        "08:50",
    ]


def test_a_slot_does_not_grow_into_an_orphan() -> None:
    """From 20 to 40 minutes at 8:00, while the visit at 8:20 is still there: it stays as it is until then."""
    before = wanted().slots
    change = difference(stored(before, 0, 1), wanted(minutes=40, closes=8 * 60 + 40), Mode.OVERWRITE)
    assert change.untouched == before[:1]
    assert starts(change.withheld) == ["08:00"]
    assert (change.changed, change.added) == ((), ())


def test_other_rooms_are_no_obstacle() -> None:
    """Cytology is examined beside mammography, whatever stands there."""
    plan = wanted(path=Path.CLASSIC_CYTOLOGY)
    mammography = stored(wanted().slots, 1)
    for mode in Mode:
        change = difference(mammography, plan, mode)
        assert (change.added, change.withheld) == (plan.slots, ())
        assert change.untouched == tuple(each.slot for each in mammography)


def test_the_rooms_of_cytology_are_those_of_hpv() -> None:
    """One programme, one set of rooms: a visit of one path keeps the time from the other."""
    plan = wanted(path=Path.HPV_LBC)
    change = difference(stored(wanted(path=Path.CLASSIC_CYTOLOGY).slots, 1), plan, Mode.OVERWRITE)
    assert starts(change.withheld) == ["08:00"]
    assert starts(change.removed) == starts(change.added) == ["08:20", "08:40"]


def test_days_outside_of_the_range_are_left_alone() -> None:
    """The template is applied to Monday; Tuesday stays."""
    both = wanted(last=TUESDAY).slots
    change = difference(stored(both), wanted(9 * 60, 10 * 60), Mode.OVERWRITE)
    assert (change.removed, change.untouched) == (both[:3], both[3:])


def test_a_day_that_a_stop_no_longer_has_is_given_up() -> None:
    """A stop is decided about as a whole."""
    template = Template(
        week={1: [Hours(time(8), time(9))], 2: [Hours(time(8), time(9))]},
        rooms=[Rooms([Examination(Path.MAMMOGRAPHY, 20)])],
    )
    days = [Interval(local_instant(day, time(7)), local_instant(day, time(15))) for day in (MONDAY, TUESDAY)]
    both = apply_to_stop(template, days, schedule_of).slots
    change = difference(stored(both), apply_to_stop(template, days[:1], schedule_of), Mode.OVERWRITE)
    assert (change.kept, change.removed) == (both[:3], both[3:])


def test_what_has_begun_is_left_alone() -> None:
    """At 8:20 the times at 8:00 and 8:20 are over: they are neither removed nor added, in either mode."""
    now = local_instant(MONDAY, time(8, 20))
    change = difference(stored(wanted().slots), wanted(9 * 60, 10 * 60), Mode.OVERWRITE, now)
    assert (starts(change.untouched), starts(change.removed)) == (["08:00", "08:20"], ["08:40"])
    for mode in Mode:
        assert starts(difference([], wanted(), mode, now).added) == ["08:40"]


def test_an_examination_under_way_keeps_its_room() -> None:
    """At 8:05 the time from 8:00 to 8:20 has begun: a new one at 8:10 waits, the one at 8:30 comes."""
    change = difference(
        stored(wanted().slots[:1]), wanted(8 * 60 + 10), Mode.OVERWRITE, local_instant(MONDAY, time(8, 5))
    )
    assert (starts(change.withheld), starts(change.added)) == (["08:10"], ["08:30"])


# shared rooms

BOTH = frozenset({Path.MAMMOGRAPHY, Path.CLASSIC_CYTOLOGY})


def shared(mammography: int = 20, cytology: int = 30) -> SharedResources:
    """Two rooms and two persons for everything."""
    minutes = {Path.MAMMOGRAPHY: mammography, Path.CLASSIC_CYTOLOGY: cytology}
    rooms, crew = ((Resource("1", BOTH), Resource("2", BOTH)) for _ in range(2))
    return SharedResources(minutes, rooms, crew)


def test_slots_of_one_session_do_not_keep_each_other_out() -> None:
    """The mammography at 8:20 has a visit and another length now: it waits, and what lies beside it is offered."""
    before = wanted(shared=shared()).slots
    visit = next(each for each in before if starts([each]) == ["08:20"])
    plan = wanted(shared=shared(mammography=15))
    standing = [StoredSlot(each, int(each == visit)) for each in before]
    change = difference(standing, plan, Mode.OVERWRITE)
    assert [orphan.slot for orphan in change.orphaned] == [visit]
    assert (change.withheld, starts(change.added)) == ((), ["08:15", "08:30", "08:45"])


def test_what_was_booked_outside_of_a_session_keeps_all_its_rooms() -> None:
    """The cytology that was booked from 8:20 to 8:40 is no part of the session, so nothing shared is offered then."""
    before = wanted(path=Path.CLASSIC_CYTOLOGY).slots
    change = difference(stored(before, 0, 1), wanted(shared=shared()), Mode.OVERWRITE)
    assert starts(orphan.slot for orphan in change.orphaned) == ["08:20"]
    assert starts(change.withheld) == ["08:00", "08:20", "08:30"]
    assert {each.path for each in change.withheld} == {Path.CLASSIC_CYTOLOGY, Path.MAMMOGRAPHY}


def test_a_session_is_not_added_to() -> None:
    """Where something stands, additive mode brings no other path into its rooms, of the same session or not."""
    plan = wanted(shared=shared())
    alone = [each for each in plan.slots if each.path is Path.MAMMOGRAPHY]
    change = difference(stored(alone), plan, Mode.ADDITIVE)
    assert (change.added, {each.path for each in change.withheld}) == ((), {Path.CLASSIC_CYTOLOGY})


# only where nothing stands


def test_additive_fills_free_time_and_changes_nothing() -> None:
    """What stands from 8:00 to 9:00 stays with its one place; new times begin where it ends."""
    before = stored(wanted().slots, 1)
    change = difference(before, wanted(8 * 60, 10 * 60, places=2), Mode.ADDITIVE)
    assert starts(change.added) == ["09:00", "09:20", "09:40"]
    assert change.untouched == tuple(each.slot for each in before)
    assert (change.changed, change.removed, change.orphaned, change.withheld) == ((), (), (), ())


def test_additive_adds_nothing_that_would_overlap() -> None:
    """Times at 8:10, 8:30 and 8:50 overlap with those that stand until 9:00; the one at 9:10 does not."""
    change = difference(stored(wanted().slots), wanted(8 * 60 + 10, 9 * 60 + 30), Mode.ADDITIVE)
    assert (starts(change.added), starts(change.withheld)) == (["09:10"], ["08:10", "08:30", "08:50"])


# any template over what any other left


def plans() -> st.SearchStrategy[Applied]:
    """What some template wants on Monday, or on Monday and Tuesday."""
    options = st.fixed_dictionaries(
        {
            "places": st.integers(1, 3),
            "path": st.sampled_from(Path),
            "shared": st.none() | st.builds(shared, st.sampled_from([10, 20]), st.sampled_from([15, 30])),
            "last": st.sampled_from([MONDAY, TUESDAY]),
            "held_back": st.builds(HeldBack, st.integers(0, 3)),
            "quotas": st.dictionaries(st.sampled_from(BookingChannel), st.integers(0, 33)),
            "overbooking": st.none() | st.builds(Overbooking, st.integers(0, 4), st.just("rezerwa")),
            "blocking": st.builds(Blocking, st.integers(0, 4), st.integers(0, 40)),
        }
    )
    options = options.map(lambda more: more | {"overbooking": None} if more["shared"] else more)
    span = st.tuples(st.integers(0, 24), st.integers(1, 24), st.sampled_from([10, 15, 20, 25, 40]))
    return st.builds(
        lambda at, more: wanted(8 * 60 + 5 * at[0], 8 * 60 + 5 * (at[0] + at[1]), at[2], **more), span, options
    )


modes = st.sampled_from(Mode)
nows = st.none() | st.integers(0, 2000).map(lambda n: datetime(2026, 9, 7, 6, tzinfo=UTC) + timedelta(minutes=n))


def booked(slots: Sequence[StoredSlot], counts: Sequence[int]) -> list[StoredSlot]:
    """The slots with visits, as many as they take at the most."""
    numbers = [counts[n % len(counts)] for n in range(len(slots))]
    return [replace(each, visits=min(each.slot.women, n)) for each, n in zip(slots, numbers, strict=True)]


@st.composite
def histories(draw: st.DrawFn) -> list[StoredSlot]:
    """What two templates and bookings in between left."""
    standing: list[StoredSlot] = []
    for plan in draw(st.lists(plans(), min_size=1, max_size=2)):
        standing = applied(standing, difference(standing, plan, draw(modes)))
        standing = booked(standing, draw(st.lists(st.integers(0, 3), min_size=1, max_size=5)))
    return standing


def named(change: Difference) -> Counter[tuple[UUID, datetime]]:
    """How often each slot that stands is named."""
    changed = (each.before for each in change.changed)
    orphaned = (each.slot for each in change.orphaned)
    return Counter(each.key for each in (*change.kept, *changed, *change.removed, *orphaned, *change.untouched))


@given(histories(), plans(), modes, nows)
def test_applying_it_twice_does_nothing_more(
    before: list[StoredSlot], plan: Applied, mode: Mode, now: datetime | None
) -> None:
    """The second preview is empty, but for the list of orphans, which stays the same."""
    change = difference(before, plan, mode, now)
    after = applied(before, change)
    again = difference(after, plan, mode, now)
    assert again.nothing_to_do
    assert [(each.slot.key, each.visits) for each in again.orphaned] == [
        (each.slot.key, each.visits) for each in change.orphaned
    ]
    assert again.withheld == change.withheld
    assert applied(after, again) == after


@given(histories(), plans(), modes, nows)
def test_no_visit_is_lost(before: list[StoredSlot], plan: Applied, mode: Mode, now: datetime | None) -> None:
    """Every visit keeps its time and its place; a slot with more visits than wanted is listed."""
    change = difference(before, plan, mode, now)
    after = {each.slot.key: each for each in applied(before, change)}
    for each in before:
        if each.visits:
            kept = after[each.slot.key]
            assert (kept.visits, kept.slot.time) == (each.visits, each.slot.time)
            assert kept.slot.women >= each.visits
    if mode is Mode.ADDITIVE:
        assert [each for each in applied(before, change) if each.slot not in change.added] == sorted(
            before, key=lambda each: each.slot.order
        )


@given(histories(), plans(), modes, nows)
def test_the_preview_names_everything_once(
    before: list[StoredSlot], plan: Applied, mode: Mode, now: datetime | None
) -> None:
    """Each slot that stands, and each one that is wanted and has not begun."""
    change = difference(before, plan, mode, now)
    assert named(change) == Counter(each.slot.key for each in before)
    standing = {each.slot.key: each.slot for each in before}
    after = {each.slot.key: each.slot for each in applied(before, change)}
    listed = {each.key for each in change.withheld} | {each.slot.key for each in change.orphaned}
    for each in plan.slots:
        if now is not None and each.time.starts_at <= now:
            assert after.get(each.key) == standing.get(each.key)
        elif mode is Mode.ADDITIVE and each.key in standing:
            assert after[each.key] == standing[each.key]
        elif each.key not in listed:
            assert after[each.key] == each
    asked = {each.key for each in plan.slots}
    assert all(each.key not in asked and plan.decides(each) for each in change.removed)
    assert all(plan.decides(each) and each == standing[each.key] for each in change.kept)


@given(histories(), plans(), modes, nows)
def test_no_two_slots_in_the_same_rooms_ever_overlap(
    before: list[StoredSlot], plan: Applied, mode: Mode, now: datetime | None
) -> None:
    """Whatever was applied before; and what is withheld really is in the way of something."""
    change = difference(before, plan, mode, now)
    after = [each.slot for each in applied(before, change)]
    for a, b in combinations(after, 2):
        shared_time = a.session is not None and a.session == b.session
        assert a.path.programme is not b.path.programme or shared_time or not overlaps(a.time, b.time)
    for waiting in change.withheld:
        others = [each for each in after if each.key != waiting.key]
        stands = mode is Mode.ADDITIVE and waiting.session in {each.slot.session for each in before} - {None}
        assert stands or any(overlaps(waiting.time, each.time) for each in others)
