"""Templates: a usual week of work becomes slots, on every day of the year and whatever the clocks do."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_units.clock import WARSAW
from mobile_units.errors import DomainError
from mobile_units.rules.admission import BookingChannel, Reservation
from mobile_units.rules.calendar import local_day, local_instant
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.sessions import Resource
from mobile_units.rules.slots import Interval, slot_uuid
from mobile_units.rules.template_slots import (
    Applied,
    IdleDay,
    IdleReason,
    PlannedSlot,
    apply_to_dates,
    apply_to_stop,
)
from mobile_units.rules.templates import (
    Blocking,
    Break,
    DatedHours,
    Examination,
    HeldBack,
    Hours,
    Overbooking,
    Rooms,
    SharedResources,
    Template,
)

MONDAY = date(2026, 9, 7)
AUTUMN = date(2026, 10, 25)
SPRING = date(2026, 3, 29)
NAMESPACE = UUID("6f3c1a52-6d0c-4c8c-9a51-0f6f3a7f9b11")

MAMMOGRAPHY = Rooms([Examination(Path.MAMMOGRAPHY, 10)])
CYTOLOGY = Rooms([Examination(Path.CLASSIC_CYTOLOGY, 15), Examination(Path.HPV_LBC, 20)])

BOTH = frozenset({Path.MAMMOGRAPHY, Path.CLASSIC_CYTOLOGY})
ROOMS = Resource("1", BOTH), Resource("2", frozenset({Path.CLASSIC_CYTOLOGY})), Resource("3", BOTH)
CREW = Resource("technik", frozenset({Path.MAMMOGRAPHY})), Resource("położna", BOTH), Resource("druga", BOTH)
SHARED = SharedResources({Path.MAMMOGRAPHY: 10, Path.CLASSIC_CYTOLOGY: 15}, ROOMS, CREW)


def schedule_of(path: Path, day: date) -> UUID:
    """One schedule for each path and month."""
    return uuid5(NAMESPACE, f"{path} {day:%Y-%m}")


def hours(opens: str, closes: str, *breaks: tuple[str, str]) -> Hours:
    """A working time, written as people write it."""
    at = time.fromisoformat
    return Hours(at(opens), at(closes), [Break(at(starts), at(ends)) for starts, ends in breaks])


def template(*working: Hours, rooms: Sequence[Rooms] = (MAMMOGRAPHY,), **more: Any) -> Template:
    """The same working times on every day of the week; eight to ten if none are given."""
    return Template(week=dict.fromkeys(range(1, 8), working or (hours("08:00", "10:00"),)), rooms=rooms, **more)


def on(day: date, *working: Hours, **more: Any) -> tuple[PlannedSlot, ...]:
    """The slots of one day of a stationary place."""
    return apply_to_dates(template(*working, **more), day, day, schedule_of).slots


def stay(first: date, *times: tuple[str, str]) -> list[Interval]:
    """Hours of a stop on consecutive days."""
    at = time.fromisoformat
    days = (first + timedelta(days=n) for n in range(len(times)))
    return [
        Interval(local_instant(day, at(opens)), local_instant(day, at(closes)))
        for day, (opens, closes) in zip(days, times, strict=True)
    ]


def starts(slots: Sequence[PlannedSlot]) -> list[str]:
    """When they start on Polish clocks."""
    return [f"{each.time.starts_at.astimezone(WARSAW):%H:%M}" for each in slots]


def code_of(call: Any) -> str:
    """The code with which a call is refused."""
    with pytest.raises(DomainError) as refused:
        call()
    return refused.value.code


# one day


def test_breaks_are_kept_free() -> None:
    """From 8:00 to 10:00 with a break from 8:35 to 9:05: three examinations of ten minutes before it, five after."""
    slots = on(MONDAY, hours("08:00", "10:00", ("08:35", "09:05")))
    assert starts(slots) == ["08:00", "08:10", "08:20", "09:05", "09:15", "09:25", "09:35", "09:45"]
    assert slots[0].time == Interval(datetime(2026, 9, 7, 6, tzinfo=UTC), datetime(2026, 9, 7, 6, 10, tzinfo=UTC))


def test_a_day_may_have_several_working_times() -> None:
    """They are cut one by one, in order of time, however they are given."""
    slots = on(MONDAY, hours("14:00", "14:25"), hours("08:00", "08:25"))
    assert starts(slots) == ["08:00", "08:10", "14:00", "14:10"]


def test_two_programmes_work_side_by_side() -> None:
    """Mammography and cytology have rooms of their own, each with its own minutes and places."""
    slots = on(MONDAY, hours("08:00", "09:00"), rooms=[MAMMOGRAPHY, Rooms(CYTOLOGY.examinations[:1], places=2)])
    assert Counter(each.path for each in slots) == {Path.MAMMOGRAPHY: 6, Path.CLASSIC_CYTOLOGY: 4}
    assert {each.capacity for each in slots if each.path is Path.CLASSIC_CYTOLOGY} == {2}


def test_two_paths_share_the_rooms_of_a_programme() -> None:
    """They take turns; when only the shorter one still fits it is taken."""
    slots = on(MONDAY, hours("08:00", "09:30"), rooms=[CYTOLOGY])
    assert [(start, each.path) for start, each in zip(starts(slots), slots, strict=True)] == [
        ("08:00", Path.CLASSIC_CYTOLOGY),
        ("08:15", Path.HPV_LBC),
        ("08:35", Path.CLASSIC_CYTOLOGY),
        ("08:50", Path.HPV_LBC),
        ("09:10", Path.CLASSIC_CYTOLOGY),
    ]
    assert starts(on(MONDAY, hours("08:00", "08:30"), rooms=[CYTOLOGY])) == ["08:00", "08:15"]


def test_the_women_of_a_day_are_limited() -> None:
    """Five women in two rooms: the third time takes one."""
    rooms = Rooms(MAMMOGRAPHY.examinations, places=2, women_per_day=5)
    assert [each.capacity for each in on(MONDAY, rooms=[rooms])] == [2, 2, 1]
    assert on(MONDAY, rooms=[Rooms(MAMMOGRAPHY.examinations, women_per_day=0)]) == ()


def test_the_identifier_follows_from_the_schedule_and_the_start() -> None:
    """It is the one by which the slot is known to the central e-registration."""
    slot = on(MONDAY)[1]
    assert slot.uuid == slot_uuid(schedule_of(Path.MAMMOGRAPHY, MONDAY), local_instant(MONDAY, time(8, 10)))
    assert slot.key == (schedule_of(Path.MAMMOGRAPHY, MONDAY), slot.time.starts_at)


def test_each_slot_belongs_to_the_schedule_of_its_path_and_day() -> None:
    """A stationary place has a schedule for each month."""
    slots = apply_to_dates(template(rooms=[CYTOLOGY]), date(2026, 9, 30), date(2026, 10, 1), schedule_of).slots
    assert all(each.schedule == schedule_of(each.path, local_day(each.time.starts_at)) for each in slots)
    assert len({each.schedule for each in slots}) == 4


# what is kept back


def test_every_fourth_slot_and_the_last_half_hour_are_blocked() -> None:
    """Of twelve times from 8:00 to 10:00: 8:30, 9:10, and 9:30 onwards."""
    slots = on(MONDAY, blocking=Blocking(every=4, last_minutes=30))
    assert starts([each for each in slots if each.blocked]) == ["08:30", "09:10", "09:30", "09:40", "09:50"]
    assert len(slots) == 12


def test_what_reaches_into_the_last_minutes_is_blocked_on_both_sides_of_a_break() -> None:
    """The last 45 minutes before 10:00 begin at 9:15: the time from 9:10 reaches into them."""
    slots = on(MONDAY, hours("08:00", "10:00", ("09:30", "09:40")), blocking=Blocking(last_minutes=45))
    assert starts([each for each in slots if each.blocked]) == ["09:10", "09:20", "09:40", "09:50"]


def test_slots_for_urgent_cases_are_spread_over_each_working_time() -> None:
    """Two of six, and two of three; of no more than there are."""
    slots = on(MONDAY, hours("08:00", "09:00"), hours("10:00", "10:30"), held_back=HeldBack(slots=2))
    urgent = [each.reserved_for is Reservation.URGENT for each in slots]
    assert urgent == [False, False, True, False, False, True, False, True, True]
    assert {each.reserved_for for each in on(MONDAY, held_back=HeldBack(slots=99))} == {Reservation.URGENT}


@pytest.mark.parametrize(
    ("rule", "slots", "held"),
    [
        (HeldBack(), 10, 0),
        (HeldBack(percent=10), 10, 1),
        (HeldBack(percent=10), 11, 2),
        (HeldBack(percent=10), 1, 1),
        (HeldBack(percent=10), 0, 0),
        (HeldBack(slots=2, percent=10), 10, 2),
        (HeldBack(slots=2, percent=50), 10, 5),
        (HeldBack(slots=2), 1, 1),
    ],
)
def test_a_share_of_slots_held_back_is_rounded_up(rule: HeldBack, slots: int, held: int) -> None:
    """A short stop keeps a slot for an urgent case too."""
    assert rule.of(slots) == held


def test_quotas_share_what_is_neither_blocked_nor_held_back() -> None:
    """Twelve times, three blocked and one held back: of eight slots half are the centre's and a quarter the desk's."""
    quotas = {BookingChannel.CENTRAL: 50, BookingChannel.DESK: 25}
    slots = on(MONDAY, blocking=Blocking(every=4), held_back=HeldBack(slots=1), quotas=quotas)
    assert Counter(each.reserved_for for each in slots if not each.blocked) == {
        Reservation.URGENT: 1,
        Reservation.CENTRAL: 4,
        Reservation.DESK: 2,
        None: 2,
    }
    assert all(each.reserved_for is None for each in slots if each.blocked)


def test_overbooking_is_capped_for_a_stop_and_tells_its_reason() -> None:
    """Three more women in two days, never two in one time and none in a blocked one."""
    overbooking = Overbooking(3, "co dziesiąta pacjentka nie przychodzi")
    given = template(hours("08:00", "09:00"), overbooking=overbooking, blocking=Blocking(every=3))
    made = apply_to_stop(given, stay(MONDAY, ("08:00", "09:00"), ("08:00", "09:00")), schedule_of)
    assert [each.extra for each in made.slots] == [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0]
    assert [each.women for each in made.slots[2:4]] == [1, 2]
    assert {each.capacity for each in made.slots} == {1}


def test_overbooking_leaves_the_slots_of_urgent_cases_alone() -> None:
    """As many extra places as slots held back: everybody's slots have them, and then those of the desk."""
    more: dict[str, Any] = {"held_back": HeldBack(2), "quotas": {BookingChannel.CENTRAL: 25, BookingChannel.DESK: 50}}
    for places, everybodys, of_desk in ((2, 2, 0), (3, 2, 1), (9, 2, 4)):
        given = template(hours("08:00", "09:40"), overbooking=Overbooking(places, "rezerwa"), **more)
        slots = apply_to_stop(given, stay(MONDAY, ("08:00", "09:40")), schedule_of).slots
        assert Counter(each.reserved_for for each in slots) == {None: 2, "urgent": 2, "desk": 4, "central": 2}
        extra = Counter(each.reserved_for for each in slots if each.extra)
        assert extra == +Counter({None: everybodys, Reservation.DESK: of_desk})


def test_overbooking_of_a_stationary_place_is_capped_for_each_day() -> None:
    """A stationary place has no stop."""
    given = template(overbooking=Overbooking(2, "rezerwa"))
    slots = apply_to_dates(given, MONDAY, MONDAY + timedelta(days=2), schedule_of).slots
    by_day = groupby(slots, lambda each: local_day(each.time.starts_at))
    assert [sum(each.extra for each in of_day) for _, of_day in by_day] == [2, 2, 2]


# the set-up


def test_the_set_up_delays_the_first_woman_on_the_first_day_only() -> None:
    """An hour from the opening at 8:00; on the second day the first woman comes at 8:00."""
    given = template(hours("08:00", "09:30"), setup_minutes=60)
    made = apply_to_stop(given, stay(MONDAY, ("07:00", "15:00"), ("07:00", "15:00")), schedule_of)
    assert starts(made.slots)[:4] == ["09:00", "09:10", "09:20", "08:00"]


def test_the_set_up_is_not_counted_twice() -> None:
    """A stop's first day begins after the set-up already; who comes later than that sets nothing up again."""
    given = template(hours("08:00", "12:00"), setup_minutes=60)
    for opens, first in [("09:00", "09:00"), ("10:30", "10:30"), ("08:30", "09:00")]:
        assert starts(apply_to_stop(given, stay(MONDAY, (opens, "12:00")), schedule_of).slots)[0] == first


def test_a_first_day_that_the_set_up_fills_gives_no_slots_and_is_not_repeated() -> None:
    """The unit stands ready on the second day."""
    given = template(hours("08:00", "09:00"), setup_minutes=60)
    made = apply_to_stop(given, stay(MONDAY, ("08:00", "15:00"), ("08:00", "15:00")), schedule_of)
    assert starts(made.slots)[0] == "08:00"
    assert made.idle == (IdleDay(MONDAY, IdleReason.TOO_SHORT),)


def test_the_set_up_waits_for_the_first_day_that_is_worked() -> None:
    """Monday is closed, so the unit is set up on Tuesday."""
    given = template(hours("08:00", "10:00"), setup_minutes=30)
    days = stay(MONDAY, ("08:00", "15:00"), ("08:00", "15:00"))
    made = apply_to_stop(given, days, schedule_of, [DatedHours(MONDAY, reason="targ")])
    assert made.idle == (IdleDay(MONDAY, IdleReason.CLOSED, "targ"),)
    assert starts(made.slots)[0] == "08:30"


def test_a_stationary_place_sets_nothing_up() -> None:
    """The equipment stays where it is."""
    assert starts(on(MONDAY, setup_minutes=60))[0] == "08:00"


# the days


def test_only_what_template_and_stop_have_in_common_is_offered() -> None:
    """The unit stands from 9:30 to 11:00, the template works from 8:00 to 10:00; nothing on another day."""
    made = apply_to_stop(template(), stay(MONDAY, ("09:30", "11:00"), ("12:00", "14:00")), schedule_of)
    assert starts(made.slots) == ["09:30", "09:40", "09:50"]
    assert made.idle == (IdleDay(MONDAY + timedelta(days=1), IdleReason.TOO_SHORT),)
    inside = apply_to_stop(template(), stay(MONDAY, ("08:25", "09:00")), schedule_of)
    assert starts(inside.slots) == ["08:25", "08:35", "08:45"]


def test_holidays_and_weekdays_without_hours_are_idle_and_say_why() -> None:
    """From Tuesday 10 November 2026: work, Independence Day, then no Thursdays in the template."""
    given = Template(week={2: [hours("08:00", "09:00")], 3: [hours("08:00", "09:00")]}, rooms=[MAMMOGRAPHY])
    made = apply_to_dates(given, date(2026, 11, 10), date(2026, 11, 12), schedule_of)
    assert {local_day(each.time.starts_at) for each in made.slots} == {date(2026, 11, 10)}
    assert made.idle == (
        IdleDay(date(2026, 11, 11), IdleReason.HOLIDAY, "Narodowe Święto Niepodległości"),
        IdleDay(date(2026, 11, 12), IdleReason.NO_HOURS),
    )


def test_an_exception_gives_a_day_other_hours_even_on_a_holiday() -> None:
    """Somebody decided it for that day."""
    exception = DatedHours(date(2026, 11, 11), [hours("10:00", "10:20")])
    made = apply_to_dates(template(), date(2026, 11, 11), date(2026, 11, 11), schedule_of, [exception])
    assert starts(made.slots) == ["10:00", "10:10"]


def test_an_exception_may_close_a_day() -> None:
    """With its reason."""
    made = apply_to_dates(template(), MONDAY, MONDAY, schedule_of, [DatedHours(MONDAY, reason="urlop")])
    assert (made.slots, made.idle) == ((), (IdleDay(MONDAY, IdleReason.CLOSED, "urlop"),))


@pytest.mark.parametrize("reason", IdleReason)
def test_every_reason_for_an_idle_day_has_a_polish_name(reason: IdleReason) -> None:
    """It is shown to the coordinator."""
    assert reason.name_pl


def test_what_a_template_decides_about() -> None:
    """About its programmes on the days of the range; for a stop on all days, also those it no longer has."""
    slot = on(MONDAY)[0]
    later = on(MONDAY + timedelta(days=1))[0]
    dates = apply_to_dates(template(), MONDAY, MONDAY, schedule_of)
    stop = apply_to_stop(template(), stay(MONDAY, ("08:00", "09:00")), schedule_of)
    assert [dates.decides(each) for each in (slot, later)] == [True, False]
    assert [stop.decides(each) for each in (slot, later)] == [True, True]
    other = apply_to_dates(template(rooms=[CYTOLOGY]), MONDAY, MONDAY, schedule_of)
    assert other.programmes == {Programme.CERVICAL}
    assert not other.decides(slot)


# refusals


@pytest.mark.parametrize(("opens", "closes"), [("22:00", "06:00"), ("08:00", "08:00"), ("16:00", "00:00")])
def test_hours_past_midnight_are_refused(opens: str, closes: str) -> None:
    """For working times and breaks alike; a day ends before midnight."""
    assert code_of(lambda: hours(opens, closes)) == "template_past_midnight"
    assert code_of(lambda: hours("00:00", "23:59", (opens, closes))) == "template_past_midnight"


@pytest.mark.parametrize(
    ("ends", "refused"), [((8, 0, 0), False), ((8, 0, 1), True), ((9, 0, 0), True)], ids=["midnight", "after", "later"]
)
def test_a_stop_that_is_open_past_midnight_is_refused(ends: tuple[int, int, int], refused: bool) -> None:
    """Its hours belong to one day; they may end with it."""
    first = local_instant(MONDAY, time(16))
    hour, minute, second = ends
    times = [Interval(first, first + timedelta(hours=hour, minutes=minute, seconds=second))]
    if refused:
        assert code_of(lambda: apply_to_stop(template(), times, schedule_of)) == "hours_past_midnight"
    else:
        assert apply_to_stop(template(), times, schedule_of).slots == ()


@pytest.mark.parametrize("pause", [("07:59", "08:10"), ("15:50", "16:01")])
def test_a_break_outside_the_hours_is_refused(pause: tuple[str, str]) -> None:
    """It would shut nothing, and somebody meant something else."""
    assert code_of(lambda: hours("08:00", "16:00", pause)) == "break_outside_hours"


def test_working_times_that_overlap_are_refused() -> None:
    """In the week and in an exception; they may touch."""
    clash = [hours("09:00", "11:00"), hours("08:00", "09:01")]
    assert code_of(lambda: template(*clash)) == "opening_hours_overlap"
    assert code_of(lambda: DatedHours(MONDAY, clash)) == "opening_hours_overlap"
    assert len(on(MONDAY, hours("09:00", "10:00"), hours("08:00", "09:00"))) == 12


def test_what_is_given_twice_is_refused() -> None:
    """A path or a programme with two sets of minutes, a day with two exceptions, a stop with two times on a day."""
    path = Examination(Path.MAMMOGRAPHY, 10)
    exceptions = [DatedHours(MONDAY), DatedHours(MONDAY)]
    times = [*stay(MONDAY, ("08:00", "09:00")), *stay(MONDAY, ("10:00", "11:00"))]
    assert code_of(lambda: Rooms([path, path])) == "given_twice"
    assert code_of(lambda: template(rooms=[MAMMOGRAPHY, MAMMOGRAPHY])) == "given_twice"
    assert code_of(lambda: apply_to_dates(template(), MONDAY, MONDAY, schedule_of, exceptions)) == "given_twice"
    assert code_of(lambda: apply_to_stop(template(), times, schedule_of)) == "given_twice"


def test_quotas_share_no_more_than_everything() -> None:
    """A hundred per cent together is the most."""
    quotas = {BookingChannel.CENTRAL: 60, BookingChannel.DESK: 40}
    assert all(each.reserved_for for each in on(MONDAY, quotas=quotas))
    quotas[BookingChannel.TELEPHONE] = 1
    assert code_of(lambda: template(quotas=quotas)) == "quotas_above_all"


def test_rooms_are_of_one_programme_and_are_used() -> None:
    """Otherwise nobody knows what they are for."""
    mixed = [*MAMMOGRAPHY.examinations, *CYTOLOGY.examinations]
    for examinations in (mixed, [], [Examination(Path.HPV_LBC, 5, weight=0)]):
        assert code_of(lambda given=examinations: Rooms(given)) == "rooms_of_one_programme"


@pytest.mark.parametrize("reason", ["", "  "])
def test_overbooking_needs_a_reason(reason: str) -> None:
    """It is shown to who books."""
    assert code_of(lambda: Overbooking(2, reason)) == "overbooking_without_reason"


def test_a_range_of_dates_is_checked() -> None:
    """Neither backwards nor longer than a year."""
    assert code_of(lambda: apply_to_dates(template(), MONDAY, date(2026, 9, 6), schedule_of)) == "ends_before_start"
    assert code_of(lambda: apply_to_dates(template(), MONDAY, date(2027, 9, 8), schedule_of)) == "period_too_long"


@pytest.mark.parametrize(
    "mistake",
    [
        lambda: Examination(Path.HPV_LBC, 0),
        lambda: Examination(Path.HPV_LBC, 5, weight=-1),
        lambda: SharedResources({Path.HPV_LBC: 0}, ROOMS, CREW),
        lambda: SharedResources({}, ROOMS, CREW),
        lambda: Rooms(MAMMOGRAPHY.examinations, places=0),
        lambda: Rooms(MAMMOGRAPHY.examinations, women_per_day=-1),
        lambda: HeldBack(slots=-1),
        lambda: HeldBack(percent=101),
        lambda: HeldBack(percent=-1),
        lambda: Overbooking(-1, "rezerwa"),
        lambda: Blocking(every=-1),
        lambda: Blocking(last_minutes=-1),
        lambda: template(setup_minutes=-1),
        lambda: template(quotas={BookingChannel.DESK: -1}),
        lambda: Template(week={8: []}, rooms=[MAMMOGRAPHY]),
    ],
)
def test_numbers_that_mean_nothing_are_a_mistake_of_the_caller(mistake: Any) -> None:
    """Forms refuse them before."""
    with pytest.raises(ValueError, match=r"minute|weight|rooms|held-back|overbooking|blocking|weekdays|quota"):
        mistake()


# rooms and crew that are shared


def test_every_path_of_shared_rooms_is_offered_all_the_time_at_its_own_length() -> None:
    """Two rooms and three persons do mammography, three rooms and two midwives cytology: two at a time each."""
    slots = on(MONDAY, hours("08:00", "08:50", ("08:20", "08:30")), rooms=(), shared=SHARED)
    assert [(start, each.path, each.capacity) for start, each in zip(starts(slots), slots, strict=True)] == [
        ("08:00", Path.CLASSIC_CYTOLOGY, 2),
        ("08:00", Path.MAMMOGRAPHY, 2),
        ("08:10", Path.MAMMOGRAPHY, 2),
        ("08:30", Path.CLASSIC_CYTOLOGY, 2),
        ("08:30", Path.MAMMOGRAPHY, 2),
        ("08:40", Path.MAMMOGRAPHY, 2),
    ]
    assert {each.session for each in slots} == {local_instant(MONDAY, time(8))}
    assert [each.session for each in on(MONDAY)] == [None] * 12


def test_each_working_time_is_a_session_of_its_own() -> None:
    """From its first woman to its end, with its breaks, rooms and crew; the set-up comes before it."""
    pause = ("08:40", "08:45")
    given = template(hours("08:00", "09:00", pause), hours("12:00", "13:00"), rooms=(), shared=SHARED, setup_minutes=30)
    made = apply_to_stop(given, stay(MONDAY, ("07:00", "15:00"), ("07:00", "12:05")), schedule_of)
    assert [starts([each])[0] for each in made.slots if each.path is Path.CLASSIC_CYTOLOGY][:3] == [
        "08:45",
        "12:00",
        "12:15",
    ]
    morning, noon, second = made.sessions
    assert morning.hours == Interval(local_instant(MONDAY, time(8, 30)), local_instant(MONDAY, time(9)))
    assert [(each.starts_at, each.ends_at) for each in morning.breaks] == [
        (local_instant(MONDAY, time(8, 40)), local_instant(MONDAY, time(8, 45)))
    ]
    assert (noon.minutes, noon.rooms, noon.crew) == (SHARED.minutes, ROOMS, CREW)
    assert second.hours.starts_at == local_instant(MONDAY + timedelta(days=1), time(8))
    assert {each.hours.starts_at for each in made.sessions} >= {each.session for each in made.slots}
    assert all(
        any(each.session == own.hours.starts_at and own.hours.ends_at >= each.time.ends_at for own in made.sessions)
        for each in made.slots
    )


def test_what_is_kept_back_of_shared_rooms_is_kept_back_of_each_path() -> None:
    """One slot of each path for urgent cases, the last quarter of an hour blocked."""
    held_back, blocking = HeldBack(slots=1), Blocking(last_minutes=15)
    slots = on(MONDAY, hours("08:00", "09:00"), rooms=(), shared=SHARED, held_back=held_back, blocking=blocking)
    urgent = [each.path for each in slots if each.reserved_for is Reservation.URGENT]
    assert sorted(urgent) == sorted(BOTH)
    assert starts([each for each in slots if each.blocked]) == ["08:40", "08:45", "08:50"]


@pytest.mark.parametrize(
    ("rooms", "crew", "code"),
    [
        (ROOMS[1:2], CREW, "path_without_resources"),
        (ROOMS, CREW[:1], "path_without_resources"),
        (ROOMS, (*CREW, CREW[0]), "given_twice"),
        ((*ROOMS, ROOMS[0]), CREW, "given_twice"),
    ],
)
def test_shared_rooms_that_can_examine_nobody_are_refused(
    rooms: tuple[Resource, ...], crew: tuple[Resource, ...], code: str
) -> None:
    """Each path needs a room and a person, and each of them a name of its own."""
    assert code_of(lambda: SharedResources(SHARED.minutes, rooms, crew)) == code


def test_rooms_are_shared_or_not_and_shared_ones_are_not_overbooked() -> None:
    """What fits there is known exactly."""
    assert code_of(lambda: template(shared=SHARED)) == "rooms_own_or_shared"
    assert code_of(lambda: template(rooms=())) == "rooms_own_or_shared"
    overbooking = Overbooking(1, "rezerwa")
    assert code_of(lambda: template(rooms=(), shared=SHARED, overbooking=overbooking)) == "shared_not_overbooked"


def test_shared_rooms_that_are_too_varied_are_refused() -> None:
    """Nobody could tell at a booking whether one more fits."""
    paths = list(Path)
    kinds = [frozenset({path}) for path in paths] + [frozenset(paths) - {path} for path in paths] + [frozenset(paths)]
    crew = tuple(Resource(f"{number}", kinds[number % 7]) for number in range(14))
    assert code_of(lambda: SharedResources(dict.fromkeys(paths, 10), crew[6:7], crew)) == "session_too_varied"


# clock changes


@pytest.mark.parametrize(
    ("day", "opens", "closes", "minutes"),
    [
        (MONDAY, "01:00", "04:00", 180),
        (AUTUMN, "01:00", "04:00", 240),
        (SPRING, "01:00", "04:00", 120),
        (AUTUMN, "01:00", "02:30", 90),
        (AUTUMN, "02:30", "03:30", 120),
        (AUTUMN, "02:15", "02:45", 30),
        (SPRING, "00:00", "03:00", 120),
    ],
)
def test_a_working_time_lasts_as_long_as_it_does(day: date, opens: str, closes: str, minutes: int) -> None:
    """An hour that occurs twice means the first time, for opening and closing; slots of a minute count the minutes."""
    rooms = Rooms([Examination(Path.MAMMOGRAPHY, 1)])
    slots = on(day, hours(opens, closes), rooms=[rooms])
    assert len(slots) == minutes
    assert slots[0].time.starts_at == local_instant(day, time.fromisoformat(opens))
    assert slots[-1].time.ends_at == local_instant(day, time.fromisoformat(closes))


def test_hours_that_the_clocks_skip_are_refused_until_an_exception_is_made() -> None:
    """On 29 March 2026 there is no 2:30, neither for an opening nor for a break."""
    week = template(hours("02:30", "05:00"))
    assert code_of(lambda: apply_to_dates(week, SPRING, SPRING, schedule_of)) == "no_such_local_time"
    assert code_of(lambda: on(SPRING, hours("01:00", "05:00", ("02:15", "02:45")))) == "no_such_local_time"
    exception = DatedHours(SPRING, [hours("03:30", "05:00")])
    assert starts(apply_to_dates(week, SPRING, SPRING, schedule_of, [exception]).slots)[0] == "03:30"


# any template, on any day, against a count of minutes

MINUTES_OF_DAY = st.integers(0, 1439)


@st.composite
def working_days_of(draw: st.DrawFn) -> list[Hours]:
    """Up to three working times with up to two breaks each, anywhere in the day."""
    marks = sorted(draw(st.sets(MINUTES_OF_DAY, min_size=2, max_size=6)))
    spans = [marks[n : n + 2] for n in range(0, len(marks) - 1, 2)]
    return [Hours(wall(first), wall(last), draw(breaks_within(first, last))) for first, last in spans]


def breaks_within(first: int, last: int) -> st.SearchStrategy[list[Break]]:
    """Breaks in a working time; they may touch or overlap one another."""
    pair = st.sets(st.integers(first, last), min_size=2, max_size=2).map(sorted)
    return st.lists(pair.map(lambda ends: Break(wall(ends[0]), wall(ends[1]))), max_size=2)


def wall(minute: int) -> time:
    """A minute of the day as a clock shows it."""
    return time(minute // 60, minute % 60)


days = st.sampled_from([AUTUMN, SPRING, date(2027, 10, 31), MONDAY]) | st.dates(date(2026, 1, 1), date(2027, 12, 31))
places = st.integers(1, 4)
limits = st.none() | st.integers(0, 60)
one_path = st.builds(
    Rooms, st.builds(Examination, st.just(Path.MAMMOGRAPHY), st.integers(3, 90)).map(lambda e: [e]), places, limits
)
two_paths = st.builds(
    lambda a, b, weights, places, limit: Rooms(
        [Examination(Path.CLASSIC_CYTOLOGY, a, weights[0]), Examination(Path.HPV_LBC, b, weights[1])], places, limit
    ),
    st.integers(5, 60),
    st.integers(5, 60),
    st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(any),
    places,
    limits,
)
templates = st.fixed_dictionaries(
    {
        "held_back": st.builds(HeldBack, st.integers(0, 5), st.integers(0, 100)),
        "quotas": st.dictionaries(st.sampled_from(BookingChannel), st.integers(0, 33)),
        "overbooking": st.none() | st.builds(Overbooking, st.integers(0, 20), st.just("rezerwa")),
        "blocking": st.builds(Blocking, st.integers(0, 5), st.integers(0, 120)),
        "setup_minutes": st.integers(0, 180),
    }
)


@lru_cache(maxsize=64)
def minutes_of(day: date) -> dict[time, int]:
    """For each time that clocks show on a day, how many minutes after midnight they show it first."""
    midnight = local_instant(day, time())
    shown: dict[time, int] = {}
    for minute in range(25 * 60):
        local = (midnight + timedelta(minutes=minute)).astimezone(WARSAW)
        if local.date() == day:
            shown.setdefault(local.time(), minute)
    return shown


def marks_of(working: Sequence[Hours]) -> list[time]:
    """All the times that are named."""
    own = [at for each in working for at in (each.opens, each.closes)]
    return own + [at for each in working for pause in each.breaks for at in (pause.starts, pause.ends)]


def open_minutes(day: date, working: Sequence[Hours], setup_minutes: int) -> set[int]:
    """Every minute of the day in which women are received."""
    at = minutes_of(day)
    received: set[int] = set()
    for each in working:
        received |= set(range(at[each.opens], at[each.closes]))
    for pause in (pause for each in working for pause in each.breaks):
        received -= set(range(at[pause.starts], at[pause.ends]))
    ready = min(at[each.opens] for each in working) + setup_minutes
    return {minute for minute in received if minute >= ready}


def runs(minutes: set[int], edges: set[int]) -> list[int]:
    """The lengths of the stretches of minutes that nothing interrupts, each edge being an interruption."""
    lengths: list[int] = []
    for minute in sorted(minutes):
        if minute - 1 not in minutes or minute in edges:
            lengths.append(0)
        lengths[-1] += 1
    return lengths


def minute_of(day: date, instant: datetime) -> int:
    """How many minutes after midnight an instant is."""
    return int((instant - local_instant(day, time())) / timedelta(minutes=1))


def applied_on(day: date, working: Sequence[Hours], rooms: Rooms, more: dict[str, Any]) -> Applied:
    """A stop of one day that stands there around the clock."""
    given = Template(week={}, rooms=[rooms], **more)
    times = [Interval(local_instant(day, time()), local_instant(day + timedelta(days=1), time()))]
    return apply_to_stop(given, times, schedule_of, [DatedHours(day, working)])


@given(days, working_days_of(), one_path, templates)
def test_exactly_as_many_women_as_can_be_examined(
    day: date, working: list[Hours], rooms: Rooms, more: dict[str, Any]
) -> None:
    """Counted minute by minute; refused exactly where a time is named that no clock shows that day."""
    at = minutes_of(day)
    if any(mark not in at for mark in marks_of(working)):
        assert code_of(lambda: applied_on(day, working, rooms, more)) == "no_such_local_time"
        return
    received = open_minutes(day, working, more["setup_minutes"])
    lengths = runs(received, {at[each.opens] for each in working})
    women = sum(length // rooms.examinations[0].minutes for length in lengths) * rooms.places
    expected = women if rooms.women_per_day is None else min(women, rooms.women_per_day)
    assert sum(each.capacity for each in applied_on(day, working, rooms, more).slots) == expected


@given(days, working_days_of(), one_path | two_paths, templates)
def test_slots_lie_in_the_working_time_and_never_overlap(
    day: date, working: list[Hours], rooms: Rooms, more: dict[str, Any]
) -> None:
    """Real minutes, none in a break or before the set-up is done, and no room for another one is left."""
    at = minutes_of(day)
    if any(mark not in at for mark in marks_of(working)):
        return
    slots = applied_on(day, working, rooms, more).slots
    length = {each.path: each.minutes for each in rooms.examinations}
    received = open_minutes(day, working, more["setup_minutes"])
    assert all(each.time.ends_at - each.time.starts_at == timedelta(minutes=length[each.path]) for each in slots)
    assert all(a.time.ends_at <= b.time.starts_at for a, b in pairwise(slots))
    used = {minute_of(day, each.time.starts_at) + n for each in slots for n in range(length[each.path])}
    assert used <= received
    if rooms.women_per_day is None:
        shortest = min(each.minutes for each in rooms.examinations if each.weight)
        edges = {at[each.opens] for each in working} | {minute_of(day, each.time.ends_at) for each in slots}
        assert all(run < shortest for run in runs(received - used, edges))


@given(st.integers(1, 60), st.integers(1, 6), st.integers(0, 6), st.integers(1, 20))
def test_paths_of_equal_length_get_their_exact_share(count: int, first: int, second: int, minutes: int) -> None:
    """Rounded down or up, whatever the number of slots."""
    rooms = Rooms([Examination(Path.CLASSIC_CYTOLOGY, minutes, first), Examination(Path.HPV_LBC, minutes, second)])
    end = min(1439, count * minutes)
    slots = on(MONDAY, Hours(time(), wall(end)), rooms=[rooms])
    classic = sum(each.path is Path.CLASSIC_CYTOLOGY for each in slots)
    assert abs(classic * (first + second) - len(slots) * first) < first + second


@given(days, working_days_of(), one_path | two_paths, templates)
def test_every_slot_is_accounted_for(day: date, working: list[Hours], rooms: Rooms, more: dict[str, Any]) -> None:
    """Blocked, for urgent cases, of one channel or everybody's; shares as asked, overbooking up to its cap."""
    if any(mark not in minutes_of(day) for mark in marks_of(working)):
        return
    slots = applied_on(day, working, rooms, more).slots
    bookable = [each for each in slots if not each.blocked]
    assert all(0 < each.capacity <= rooms.places and each.extra in {0, 1} for each in slots)
    assert all((each.reserved_for, each.extra) == (None, 0) for each in slots if each.blocked)
    cap = more["overbooking"].places if more["overbooking"] else 0
    overbooked = [each for each in bookable if each.reserved_for not in {Reservation.URGENT, Reservation.CENTRAL}]
    assert sum(each.extra for each in overbooked) == sum(each.extra for each in slots) == min(cap, len(overbooked))
    held = 0
    for session in working:
        opens, closes = minutes_of(day)[session.opens], minutes_of(day)[session.closes]
        own = [each for each in bookable if opens <= minute_of(day, each.time.starts_at) < closes]
        urgent = sum(each.reserved_for is Reservation.URGENT for each in own)
        assert urgent == more["held_back"].of(len(own))
        held += urgent
    for channel, percent in more["quotas"].items():
        share = sum(each.reserved_for == Reservation(channel) for each in slots)
        assert abs(share * 100 - (len(bookable) - held) * percent) < 100


@settings(deadline=None)  # hundreds of slots at a time, on machines that may be busy
@given(days, st.integers(0, 2), working_days_of(), one_path | two_paths, templates)
def test_the_same_template_gives_the_same_slots_with_the_same_identifiers(
    first: date, length: int, working: list[Hours], rooms: Rooms, more: dict[str, Any]
) -> None:
    """Twice the same; a longer range only adds days; no identifier occurs twice."""
    given = Template(week=dict.fromkeys(range(1, 8), working), rooms=[rooms], **more)
    if any(mark.hour == 2 for mark in marks_of(working)):
        return
    last = first + timedelta(days=length)
    slots = apply_to_dates(given, first, last, schedule_of).slots
    again = apply_to_dates(given, first, last + timedelta(days=1), schedule_of).slots
    assert again[: len(slots)] == slots
    assert [each.uuid for each in again[: len(slots)]] == [each.uuid for each in slots]
    assert len({each.uuid for each in again}) == len(again)


@given(days, working_days_of(), st.integers(3, 60), st.integers(3, 60))
def test_every_slot_of_shared_rooms_lies_in_its_session(
    day: date, working: list[Hours], mammography: int, cytology: int
) -> None:
    """In the open time of the working time that it names, whatever the clocks do; slots of one path never overlap."""
    if any(mark not in minutes_of(day) for mark in marks_of(working)):
        return
    shared = SharedResources({Path.MAMMOGRAPHY: mammography, Path.CLASSIC_CYTOLOGY: cytology}, ROOMS, CREW)
    week = {day.isoweekday(): working}
    made = apply_to_dates(Template(week=week, shared=shared), day, day, schedule_of, [DatedHours(day, working)])
    sessions = {each.hours.starts_at: each for each in made.sessions}
    assert len(sessions) == len(made.sessions)
    for slot in made.slots:
        assert slot.session is not None
        session = sessions[slot.session]
        assert session.allows(session.examination(slot.path, slot.time.starts_at))
        assert session.examination(slot.path, slot.time.starts_at).time == slot.time
    for path in shared.minutes:
        own = [each for each in made.slots if each.path is path]
        assert all(a.time.ends_at <= b.time.starts_at for a, b in pairwise(own))
