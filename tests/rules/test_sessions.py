"""Mixed sessions: what fits in shared rooms with shared staff, compared with trying everything."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations_with_replacement, product
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_units.clock import WARSAW
from mobile_units.errors import DomainError
from mobile_units.rules import sessions
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.programmes import Path
from mobile_units.rules.sessions import Capacity, Examination, Resource, Rota, Session, capacity, fits, one_more
from mobile_units.rules.sessions import open_starts as open_starts_of
from mobile_units.rules.slots import Interval

OPENS = datetime(2026, 9, 7, 6, tzinfo=UTC)
M, C, H = Path.MAMMOGRAPHY, Path.CLASSIC_CYTOLOGY, Path.HPV_LBC
EVERY = frozenset(Path)
MINUTES = {M: 10, C: 15, H: 20}
RADIOGRAPHER, MIDWIFE, BOTH = frozenset({M}), frozenset({C, H}), EVERY

kinds = st.sampled_from([frozenset(each) for each in ({M}, {C}, {H}, {M, C}, {M, H}, {C, H}, {M, C, H})])
examined = st.tuples(st.sampled_from(Path), st.integers(0, 12))


def at(minute: int) -> datetime:
    """So many minutes after the opening."""
    return OPENS + timedelta(minutes=minute)


def between(first: int, last: int) -> Interval:
    """A time in minutes after the opening."""
    return Interval(at(first), at(last))


def named(letter: str, serves: Sequence[frozenset[Path]]) -> tuple[Resource, ...]:
    """Resources that serve these paths."""
    return tuple(Resource(f"{letter}{number}", each) for number, each in enumerate(serves))


def session(
    crew: Sequence[frozenset[Path]],
    rooms: Sequence[frozenset[Path]] = (EVERY,) * 6,
    length: int = 480,
    breaks: Sequence[tuple[int, int]] = (),
    minutes: Mapping[Path, int] = MINUTES,
) -> Session:
    """A session of `length` minutes; unless told otherwise it never lacks rooms."""
    shut = tuple(between(*each) for each in breaks)
    return Session(between(0, length), minutes, named("room", rooms), named("person", crew), shut)


def examinations(held: Session, *starts: tuple[Path, int]) -> list[Examination]:
    """Examinations as long as their paths take, by minutes after the opening."""
    return [held.examination(path, at(minute)) for path, minute in starts]


def lasting(path: Path, first: int, last: int) -> Examination:
    """An examination by minutes after the opening."""
    return Examination(path, between(first, last))


def overlap(one: Examination, other: Examination) -> bool:
    """Whether two examinations share time."""
    return one.time.starts_at < other.time.ends_at and other.time.starts_at < one.time.ends_at


def is_open(held: Session, each: Examination) -> bool:
    """Whether no minute of an examination is outside the hours or in a break."""
    length = (each.time.ends_at - each.time.starts_at) // timedelta(minutes=1)
    minutes = [each.time.starts_at + timedelta(minutes=number) for number in range(length)]
    shut = [*held.breaks, Interval(datetime.min.replace(tzinfo=UTC), held.hours.starts_at)]
    shut.append(Interval(held.hours.ends_at, datetime.max.replace(tzinfo=UTC)))
    return not any(time.starts_at <= minute < time.ends_at for time in shut for minute in minutes)


def can_be_held(held: Session, all_of_them: Sequence[Examination]) -> bool:
    """Tries every room and every person for every examination."""

    def can_go_on(taken: list[tuple[Examination, str, str]]) -> bool:
        if len(taken) == len(all_of_them):
            return True
        each = all_of_them[len(taken)]
        clashing = [(room, person) for other, room, person in taken if overlap(other, each)]
        return any(
            can_go_on([*taken, (each, room.name, person.name)])
            for room, person in product(held.rooms, held.crew)
            if each.path in room.serves & person.serves
            and all(room.name != other and person.name != another for other, another in clashing)
        )

    return all(is_open(held, each) for each in all_of_them) and can_go_on([])


def proves(rota: Rota, held: Session, all_of_them: Sequence[Examination]) -> bool:
    """Whether a rota holds just these examinations, each with what suits it, nothing taken twice at a time."""
    rooms, crew = ({each.name: each.serves for each in means} for means in (held.rooms, held.crew))
    clashes = [
        (one, other)
        for number, one in enumerate(rota.held)
        for other in rota.held[:number]
        if overlap(one.examination, other.examination) and (one.room == other.room or one.person == other.person)
    ]
    suited = all(each.examination.path in rooms[each.room] & crew[each.person] for each in rota.held)
    opened = all(is_open(held, each.examination) for each in rota.held)
    return [each.examination for each in rota.held] == list(all_of_them) and suited and opened and not clashes


def starts(held: Session, grid_minutes: int) -> Iterator[int]:
    """The minutes of the grid: counted from the opening and anew from the end of each break."""
    length = (held.hours.ends_at - held.hours.starts_at) // timedelta(minutes=1)
    shut = [
        ((time.starts_at - OPENS) // timedelta(minutes=1), (time.ends_at - OPENS) // timedelta(minutes=1))
        for time in held.breaks
    ]
    since = 0
    for minute in range(length):
        if any(first <= minute < last for first, last in shut):
            since = minute + 1
        elif (minute - since) % grid_minutes == 0:
            yield minute


@st.composite
def small_sessions(draw: st.DrawFn) -> Session:
    """Up to three persons and rooms of any kinds, perhaps with a break, open for an hour and a half."""
    crew, rooms = (draw(st.lists(kinds, min_size=1, max_size=3)) for _ in range(2))
    breaks = draw(st.sampled_from([[], [(30, 40)], [(22, 31), (50, 52)]]))
    minutes = draw(st.sampled_from([MINUTES, {M: 10, C: 10, H: 25}, {M: 7, C: 15, H: 15}]))
    return session(crew, rooms, length=90, breaks=breaks, minutes=minutes)


def drawn(held: Session, what: Sequence[tuple[Path, int]]) -> list[Examination]:
    """Examinations at multiples of five minutes."""
    return examinations(held, *((path, 5 * number) for path, number in what))


@settings(deadline=None)
@given(small_sessions(), st.lists(examined, max_size=6), st.sampled_from([1, 12]))
def test_the_answer_is_that_of_trying_everything(held: Session, what: list[tuple[Path, int]], few: int) -> None:
    """Whoever could be assigned, all fit exactly when some assignment holds them, and the rota is one."""
    all_of_them = drawn(held, what)
    with patch.object(sessions, "FEW_WAYS", few):
        rota = fits(held, all_of_them)
    assert (rota is not None) == can_be_held(held, all_of_them)
    assert rota is None or proves(rota, held, all_of_them)


@settings(deadline=None)
@given(
    st.lists(kinds, min_size=2, max_size=5),
    st.lists(st.tuples(st.sampled_from(Path), st.integers(0, 40), st.integers(1, 30)), max_size=8),
    st.sampled_from([1, 12]),
)
def test_crews_of_any_kind_are_assigned_exactly(
    crew: list[frozenset[Path]], what: list[tuple[Path, int, int]], few: int
) -> None:
    """With rooms enough and examinations of any length, only the persons decide."""
    held = session(crew, length=100)
    all_of_them = [lasting(path, first, first + length) for path, first, length in what]
    with patch.object(sessions, "FEW_WAYS", few):
        rota = fits(held, all_of_them)
    assert (rota is not None) == crew_suffices(crew, all_of_them)
    assert rota is None or proves(rota, held, all_of_them)


def crew_suffices(crew: Sequence[frozenset[Path]], all_of_them: Sequence[Examination]) -> bool:
    """Tries every person for every examination, in order of their starts."""
    in_time = sorted(all_of_them, key=lambda each: each.time.starts_at)

    def can_go_on(number: int, free_from: tuple[datetime, ...]) -> bool:
        if number == len(in_time):
            return True
        each = in_time[number]
        return any(
            can_go_on(number + 1, (*free_from[:person], each.time.ends_at, *free_from[person + 1 :]))
            for person, serves in enumerate(crew)
            if each.path in serves and free_from[person] <= each.time.starts_at
        )

    return can_go_on(0, (OPENS,) * len(crew))


@settings(deadline=None)
@given(
    small_sessions(),
    st.lists(examined, max_size=5),
    st.sampled_from(Path),
    st.sampled_from([1, 5, 7]),
    st.sampled_from([1, 12]),
)
def test_open_starts_are_those_at_which_all_could_be_held(
    held: Session, what: list[tuple[Path, int]], path: Path, grid_minutes: int, few: int
) -> None:
    """Each instant of the grid is offered exactly when the booked ones and one more there have an assignment."""
    booked = drawn(held, what)
    with patch.object(sessions, "FEW_WAYS", few):
        offered = open_starts_of(held, booked, path, grid_minutes)
    grid = list(starts(held, grid_minutes))
    assert offered == [
        at(minute) for minute in grid if can_be_held(held, [*booked, held.examination(path, at(minute))])
    ]
    assert offered == [at(minute) for minute in grid if one_more(held, booked, path, at(minute))]


def most_that_fit(held: Session, mix: Mapping[Path, int], grid_minutes: int) -> int:
    """Tries every start of the grid for every examination of every part of the mix, the largest parts first."""
    grid = list(starts(held, grid_minutes))
    parts = sorted(product(*(range(count + 1) for count in mix.values())), key=sum, reverse=True)
    ways = (
        [(path, minute) for path, minutes in zip(mix, chosen, strict=True) for minute in minutes]
        for part in parts
        for chosen in product(*(combinations_with_replacement(grid, count) for count in part))
    )
    return next(len(way) for way in ways if can_be_held(held, examinations(held, *way)))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(kinds, min_size=1, max_size=3),
    st.lists(kinds, min_size=1, max_size=3),
    st.fixed_dictionaries({M: st.integers(0, 2), C: st.integers(0, 2), H: st.integers(0, 1)}),
    st.sampled_from([(25, []), (40, []), (40, [(20, 30)]), (36, [(17, 20)])]),
    st.sampled_from([10, 9]),
)
def test_the_capacity_encloses_what_trying_everything_finds(
    crew: list[frozenset[Path]],
    rooms: list[frozenset[Path]],
    mix: dict[Path, int],
    hours: tuple[int, list[tuple[int, int]]],
    grid_minutes: int,
) -> None:
    """What was placed is a proof, nothing more can be placed than it says; such small sessions are counted exactly."""
    held = session(crew, rooms, length=hours[0], breaks=hours[1])
    found = capacity(held, mix, grid_minutes)
    placed = [each.examination for each in found.rota.held]
    assert proves(found.rota, held, placed)
    assert {each.time.starts_at for each in placed} <= {at(minute) for minute in starts(held, grid_minutes)}
    assert all([each.path for each in placed].count(path) <= count for path, count in mix.items())
    assert found.exact
    assert found.count == most_that_fit(held, mix, grid_minutes)


def greedily(crew: Sequence[frozenset[Path]], all_of_them: Sequence[Examination]) -> bool:
    """Whether giving each examination in turn the most specialised free person works out."""
    free_from = dict.fromkeys(range(len(crew)), OPENS)
    for each in sorted(all_of_them, key=lambda one: one.time.starts_at):
        free = [
            number for number in free_from if each.path in crew[number] and free_from[number] <= each.time.starts_at
        ]
        if not free:
            return False
        free_from[min(free, key=lambda number: len(crew[number]))] = each.time.ends_at
    return True


@pytest.mark.parametrize(
    ("crew", "booked"),
    [
        ([MIDWIFE, BOTH], [lasting(C, 0, 10), lasting(C, 5, 25), lasting(M, 10, 20)]),
        ([frozenset({C}), frozenset({M, C})], [lasting(C, 0, 15), lasting(C, 5, 20), lasting(M, 15, 25)]),
        (
            [RADIOGRAPHER, frozenset({M, C}), frozenset({M, H})],
            [lasting(M, 0, 10), lasting(M, 1, 30), lasting(M, 2, 12), lasting(C, 10, 20), lasting(H, 12, 22)],
        ),
    ],
)
def test_the_most_specialised_first_is_wrong(crew: list[frozenset[Path]], booked: list[Examination]) -> None:
    """The midwife must leave a short cytology to the colleague who is needed for a mammogram only afterwards.

    It is found also where the first ways that are followed come to nothing.
    """
    held, last = session(crew), booked[-1]
    assert not greedily(crew, booked)
    for few in (1, 12):
        with patch.object(sessions, "FEW_WAYS", few):
            rota = fits(held, booked)
            assert rota is not None
            assert proves(rota, held, booked)
            assert last.time.starts_at in open_starts_of(held, booked[:-1], last.path, 1)


def test_one_more_may_send_the_others_elsewhere() -> None:
    """A mammogram fits because a cytology that anybody could do goes to the midwife."""
    held = session([BOTH, MIDWIFE], [EVERY, EVERY])
    booked = examinations(held, (C, 0))
    assert one_more(held, booked, M, at(5))
    assert not one_more(held, [*booked, *examinations(held, (H, 0))], M, at(5))
    assert one_more(held, [*booked, *examinations(held, (H, 0))], M, at(15))


def test_rooms_bind_as_persons_do() -> None:
    """Three radiographers and one mammograph examine one woman at a time."""
    held = session([RADIOGRAPHER] * 3, [RADIOGRAPHER, MIDWIFE, MIDWIFE])
    assert fits(held, examinations(held, (M, 0), (M, 10))) is not None
    assert fits(held, examinations(held, (M, 0), (M, 9))) is None
    assert fits(held, examinations(held, (M, 0), (C, 0))) is None


def test_the_rota_keeps_the_order_in_which_it_was_asked() -> None:
    """Whoever asks finds the room and the person of each examination in its place."""
    held = session([RADIOGRAPHER, MIDWIFE], [MIDWIFE, RADIOGRAPHER])
    rota = fits(held, examinations(held, (H, 30), (M, 0), (C, 15)))
    assert rota is not None
    assert [(each.room, each.person) for each in rota.held] == [
        ("room0", "person1"),
        ("room1", "person0"),
        ("room0", "person1"),
    ]


def test_nothing_fits_beside_what_does_not_fit() -> None:
    """Where somebody fell ill and too many are booked, no instant is offered, not even one far away."""
    held = session([RADIOGRAPHER])
    booked = examinations(held, (M, 0), (M, 5))
    assert fits(held, booked) is None
    assert not one_more(held, booked, M, at(300))
    assert open_starts_of(held, booked, M, 10) == []


def test_an_empty_session_fits() -> None:
    """No examinations need nobody, and no hours are needed to hold none."""
    held = session([], [], breaks=[(0, 480)])
    assert fits(held, []) == Rota(())
    assert capacity(held, {M: 3}, 5) == capacity(held, {}, 5) == Capacity(Rota(()), 0)


def test_a_path_that_is_not_held_here_never_fits() -> None:
    """Neither is it booked nor offered nor counted."""
    held = session([BOTH], minutes={M: 10})
    other = lasting(C, 0, 15)
    assert fits(held, [other]) is None
    assert not one_more(held, [], C, OPENS)
    assert not one_more(held, [other], M, at(60))
    assert open_starts_of(held, [], C, 10) == []
    assert open_starts_of(held, [other], M, 10) == []
    assert capacity(held, {C: 2, M: 1}, 10).count == 1


@pytest.mark.parametrize(
    ("minute", "fitting"),
    [(-1, False), (0, True), (50, True), (51, False), (60, False), (79, False), (80, True), (110, True), (111, False)],
)
def test_an_examination_lies_in_the_hours_and_outside_the_breaks(minute: int, fitting: bool) -> None:
    """It may end when a break or the closing begins, and start when a break ends."""
    held = session([RADIOGRAPHER], length=120, breaks=[(60, 80)])
    assert one_more(held, [], M, at(minute)) == fitting
    assert (fits(held, examinations(held, (M, minute))) is not None) == fitting


def test_the_grid_begins_anew_after_a_break() -> None:
    """As the slots of a working time do."""
    held = session([RADIOGRAPHER], length=60, breaks=[(25, 33)])
    assert open_starts_of(held, [], M, 10) == [at(0), at(10), at(33), at(43)]


def test_one_who_ends_leaves_the_place_to_one_who_begins() -> None:
    """An examination occupies its end as little as an interval does."""
    held = session([RADIOGRAPHER], [RADIOGRAPHER], length=60)
    assert open_starts_of(held, examinations(held, (M, 20)), M, 5) == [
        at(0),
        at(5),
        at(10),
        at(30),
        at(35),
        at(40),
        at(45),
        at(50),
    ]


def test_one_more_may_run_beside_those_that_begin_while_it_lasts() -> None:
    """Two radiographers are both busy only while the two who are booked overlap."""
    held = session([RADIOGRAPHER] * 2, length=30)
    assert open_starts_of(held, examinations(held, (M, 5), (M, 12)), M, 5) == [at(0), at(15), at(20)]


def test_booked_ones_keep_a_length_that_was_changed_since() -> None:
    """What was booked for half an hour occupies half an hour, though the path is examined faster now."""
    held = session([RADIOGRAPHER], length=60)
    assert open_starts_of(held, [lasting(M, 10, 40)], M, 10) == [at(0), at(40), at(50)]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 10, 24), 3), (date(2026, 10, 25), 4), (date(2027, 3, 28), 2)])
def test_clock_changes_change_how_many_fit(day: date, hours: int) -> None:
    """From 1:00 to 4:00 four hours pass in the autumn night and two in the spring one, and all are worked."""
    one, four = (local_instant(day, time(hour)).astimezone(WARSAW) for hour in (1, 4))
    held = Session(Interval(one, four), {M: 30}, named("room", [BOTH]), named("person", [BOTH]))
    first = local_instant(day, time(1))
    every = [first + number * timedelta(minutes=30) for number in range(2 * hours)]
    assert open_starts_of(held, [], M, 30) == every
    assert fits(held, [held.examination(M, start.astimezone(WARSAW)) for start in every]) is not None
    assert capacity(held, {M: 99}, 30).count == 2 * hours


def test_an_examination_over_a_clock_change_lasts_as_long_as_ever() -> None:
    """Begun at 1:50 in the spring night it ends at 3:10."""
    held = session([BOTH])
    begun = datetime(2027, 3, 28, 1, 50, tzinfo=WARSAW)
    assert held.examination(H, begun).time == Interval(begun, datetime(2027, 3, 28, 3, 10, tzinfo=WARSAW))


@pytest.mark.parametrize("day", [date(2026, 9, 7), date(2026, 10, 25), date(2027, 3, 28)])
def test_hours_end_at_midnight_at_the_latest(day: date) -> None:
    """Polish midnight, that is, also on the days that are longer or shorter."""
    starts_at, midnight = local_instant(day, time(18)), local_instant(day + timedelta(days=1), time())
    assert Session(Interval(starts_at, midnight), MINUTES, (), ()).hours.ends_at == midnight
    with pytest.raises(DomainError) as refused:
        Session(Interval(starts_at, midnight + timedelta(minutes=1)), MINUTES, (), ())
    assert (refused.value.code, refused.value.facts) == ("hours_past_midnight", {"day": day.isoformat()})


def test_the_hours_of_a_night_shift_before_dawn_belong_to_one_day() -> None:
    """At midnight in Poland it is still yesterday in UTC; that is no midnight."""
    dawn = Interval(local_instant(date(2026, 9, 7), time(0)), local_instant(date(2026, 9, 7), time(5)))
    assert Session(dawn, MINUTES, (), ()).hours == dawn


@pytest.mark.parametrize(
    ("minutes", "rooms", "crew", "problem"),
    [
        ({M: 0}, (), (), "minute"),
        (MINUTES, (Resource("A", EVERY), Resource("A", RADIOGRAPHER)), (), "twice"),
        (MINUTES, (), (Resource("A", EVERY), Resource("A", EVERY)), "twice"),
    ],
)
def test_mistakes_of_the_caller(
    minutes: dict[Path, int], rooms: tuple[Resource, ...], crew: tuple[Resource, ...], problem: str
) -> None:
    """Lengths are positive and names tell rooms, and persons, apart."""
    with pytest.raises(ValueError, match=problem):
        Session(between(0, 60), minutes, rooms, crew)


def test_a_room_and_a_person_may_have_one_name() -> None:
    """They are told apart by what they are."""
    assert Session(between(0, 60), MINUTES, (Resource("A", EVERY),), (Resource("A", EVERY),)).crew[0].name == "A"


@pytest.mark.parametrize("grid_minutes", [0, -5])
def test_a_grid_is_at_least_a_minute_wide(grid_minutes: int) -> None:
    """Less is a mistake of the caller, even where nothing is asked."""
    held = session([BOTH], minutes={M: 10})
    with pytest.raises(ValueError, match="minute"):
        open_starts_of(held, [], C, grid_minutes)
    with pytest.raises(ValueError, match="minute"):
        capacity(held, {}, grid_minutes)


def test_an_instant_needs_a_zone() -> None:
    """A time without one could be read as that of any place."""
    with pytest.raises(ValueError, match="time zone"):
        session([BOTH]).examination(M, OPENS.replace(tzinfo=None))


def test_a_day_of_twenty_mammograms_and_five_cytologies() -> None:
    """The mix fits one who does both if the hours are long enough, which is proven both ways."""
    assert capacity(session([BOTH], length=275), {M: 20, C: 5}, 5).count == 25
    short = capacity(session([BOTH], length=270), {M: 20, C: 5}, 5)
    assert (short.count, short.exact) == (24, True)


def test_the_whole_mix_is_placed_around_a_break() -> None:
    """Two rooms and two persons of different kinds are used up to the last minute."""
    held = session(
        [EVERY, frozenset({M, C})], [RADIOGRAPHER, MIDWIFE, MIDWIFE], 240, [(100, 120)], {M: 8, C: 15, H: 20}
    )
    found = capacity(held, {M: 25, C: 10, H: 10}, 5)
    assert (found.count, found.at_most, found.exact) == (35, 35, True)


def ways_met(held: Session, all_of_them: Sequence[Examination]) -> int:
    """The most ways that were followed at once for the crew."""
    return max(len(ways) for ways, _ in sessions._Sweep.of(held.crew, all_of_them).layers)


VARIED = [RADIOGRAPHER] * 2 + [frozenset({M, C})] * 2 + [frozenset({M, H})] + [EVERY]


def test_the_worst_six_persons_are_busy_in_180_ways() -> None:
    """Six mammograms begun one after another: the number that the refusal reckons with is reached and not exceeded."""
    held = session(VARIED, minutes={M: 60, C: 60, H: 60})
    booked = examinations(held, *((M, 10 * number) for number in range(6)), (C, 110), (H, 110))
    assert ways_met(held, booked) == 180


def test_who_ends_at_one_instant_is_one_way() -> None:
    """Of three who begin and end together it does not matter who has whom."""
    held = session([RADIOGRAPHER, frozenset({M, C}), frozenset({M, H})])
    assert ways_met(held, examinations(held, (M, 0), (M, 0), (M, 0), (C, 10), (H, 10))) == 3


@settings(deadline=None)
@given(
    st.lists(kinds, min_size=1, max_size=6),
    st.lists(st.tuples(st.sampled_from(Path), st.integers(0, 200), st.integers(1, 60)), max_size=25),
)
def test_the_ways_never_exceed_what_is_reckoned_with(
    crew: list[frozenset[Path]], what: list[tuple[Path, int, int]]
) -> None:
    """However examinations lie, so that no day takes longer than the refusal allows."""
    held = session(crew)
    all_of_them = [lasting(path, first, first + length) for path, first, length in what]
    assert ways_met(held, all_of_them) <= sessions._most_ways(sessions._Kinds.of(held.crew, Path))


def test_those_alike_are_one_way() -> None:
    """Twenty midwives and twenty rooms are no more to look at than one."""
    held = session([MIDWIFE] * 20, [MIDWIFE] * 20)
    booked = examinations(held, *((C, number % 15) for number in range(20)))
    assert ways_met(held, booked) == 1
    assert fits(held, booked) is not None
    assert not one_more(held, booked, C, at(14))


@pytest.mark.parametrize("crew", list(combinations_with_replacement([RADIOGRAPHER, MIDWIFE, BOTH], 6)))
def test_no_usual_crew_of_six_is_refused(crew: tuple[frozenset[Path], ...]) -> None:
    """Radiographers, midwives and those who are both."""
    assert len(session(crew, crew).crew) == 6


def test_a_crew_too_varied_is_refused() -> None:
    """Eight persons of four kinds could be busy in thousands of ways; an exact answer would take seconds."""
    crew = [each for each in (RADIOGRAPHER, frozenset({M, C}), frozenset({M, H}), EVERY) for _ in range(2)]
    for crew_of, rooms_of in ((crew, [BOTH]), ([BOTH], crew)):
        with pytest.raises(DomainError) as refused:
            session(crew_of, rooms_of)
        assert (refused.value.code, refused.value.facts) == ("session_too_varied", {"count": 8})


def test_a_crew_is_only_as_varied_as_the_paths_of_the_session() -> None:
    """Where mammograms alone are taken, what else they could do tells nobody apart."""
    crew = [each for each in (RADIOGRAPHER, frozenset({M, C}), frozenset({M, H}), EVERY) for _ in range(2)]
    held = session(crew, [RADIOGRAPHER] * 8, minutes={M: 10})
    assert capacity(held, {M: 500}, 10).count == 8 * 48
