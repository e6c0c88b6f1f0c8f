"""The bulk move: the most women, then the most urgent ones, then the least cost, and no rule broken."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from math import acos, cos, radians, sin
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.planning.assignment import (
    Change,
    FreePlaces,
    MoveWeights,
    MovingVisit,
    Proposal,
    Totals,
    assign,
)
from mobile_units.rules.programmes import Path
from mobile_units.rules.wishes import Wish

MONDAY = datetime(2026, 11, 9, 8, tzinfo=UTC)
"""Nine in the morning in Poland."""
SIERADZ, LASK, WIELUN = (51.59, 18.73), (51.59, 19.13), (51.22, 18.57)
WARSAW = ZoneInfo("Europe/Warsaw")
OUT = "out"


def visit(key: int | str = 1, **facts: Any) -> MovingVisit:
    """A mammography in Sieradz on Monday at nine."""
    usual = {"path": Path.MAMMOGRAPHY, "starts_at": MONDAY, "stop": "lost", "unit": "broken"}
    return MovingVisit(**{"key": key, **usual, "stop_at": SIERADZ, "comes_from": SIERADZ, **facts})


def place(key: int | str = 1, **facts: Any) -> FreePlaces:
    """One place for a mammography in Sieradz, a week later at nine."""
    usual = {"path": Path.MAMMOGRAPHY, "starts_at": MONDAY + timedelta(days=7), "stop": "next", "unit": "broken"}
    return FreePlaces(**{"key": key, **usual, "stop_at": SIERADZ, "free": 1, **facts})


def proposed(visits: Sequence[MovingVisit], places: Sequence[FreePlaces], **weights: float) -> Proposal:
    """The proposal on the Monday of the breakdown."""
    return assign(visits, places, MONDAY, MoveWeights(**weights))


def given_to(proposal: Proposal) -> dict[Any, Any]:
    """The key of the place by that of the visit."""
    return {each.visit.key: each.place.key for each in proposal.assigned}


def codes(proposal: Proposal) -> dict[Any, str]:
    """The reason by the key of the visit."""
    return {each.visit.key: each.code for each in proposal.unassigned}


# an independent brute force

TOWNS = st.sampled_from((SIERADZ, LASK, WIELUN))
PATHS = st.sampled_from((*[Path.MAMMOGRAPHY] * 6, Path.HPV_LBC))
INSTANTS = st.builds(
    lambda days, hours: MONDAY + timedelta(days=days, hours=hours), st.integers(-1, 9), st.sampled_from((0, 2, 3, 6))
)
DAYS = st.none() | st.none() | st.none() | st.integers(-1, 9).map(lambda days: MONDAY.date() + timedelta(days=days))
NEEDS = st.sampled_from((*[frozenset[str]()] * 4, frozenset({"step_free"})))
HOURS = st.sampled_from(((None, None), (time(11), None), (None, time(12)), (time(10), time(14))))
WISHES = st.none() | st.builds(
    lambda weekdays, hours: Wish(weekdays, *hours), st.frozensets(st.integers(1, 7), min_size=1), HOURS
)
VISITS = st.builds(
    MovingVisit,
    key=st.integers(0, 99) | st.text("ab", max_size=3),
    path=PATHS,
    starts_at=INSTANTS,
    stop=st.sampled_from("xy"),
    unit=st.sampled_from("uv"),
    stop_at=TOWNS,
    comes_from=TOWNS,
    urgent=st.booleans(),
    not_before=DAYS,
    latest=DAYS,
    needs=NEEDS,
    wish=WISHES,
)
PLACES = st.builds(
    FreePlaces,
    key=st.integers(0, 99) | st.text("ab", max_size=3),
    path=PATHS,
    starts_at=INSTANTS,
    stop=st.sampled_from("xyz"),
    unit=st.sampled_from("uv"),
    stop_at=TOWNS,
    free=st.integers(0, 2),
    offers=NEEDS,
)
WEIGHTS = st.builds(MoveWeights, **{each.name: st.sampled_from((0, 1, 2.5, 10)) for each in fields(MoveWeights)})


def some_visits(most: int) -> st.SearchStrategy[list[MovingVisit]]:
    """Up to so many, each key once."""
    return st.lists(VISITS, max_size=most, unique_by=lambda each: each.key)


def some_places(most: int) -> st.SearchStrategy[list[FreePlaces]]:
    """Up to so many, each key once."""
    return st.lists(PLACES, max_size=most, unique_by=lambda each: each.key)


def may_have(woman: MovingVisit, slot: FreePlaces) -> bool:
    """Whether no hard rule keeps her from it."""
    day = slot.starts_at.astimezone(WARSAW).date()
    return (
        woman.path is slot.path
        and slot.starts_at >= MONDAY
        and woman.needs <= slot.offers
        and (woman.latest is None or day <= woman.latest)
        and (woman.not_before is None or day >= woman.not_before)
    )


def kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The spherical law of cosines, unlike the formula that is tested."""
    north, south, between = radians(one[0]), radians(other[0]), radians(one[1] - other[1])
    return 6371 * acos(min(1.0, sin(north) * sin(south) + cos(north) * cos(south) * cos(between)))


def cost_of(woman: MovingVisit, slot: FreePlaces, weights: MoveWeights) -> float:
    """What it costs that she goes there, told once more."""
    old, new = woman.starts_at.astimezone(WARSAW), slot.starts_at.astimezone(WARSAW)
    days = (new.date() - old.date()).days
    per_day = weights.urgent_day_later if woman.urgent else weights.day_later
    if woman.wish is None:
        weekday, hour = new.weekday() == old.weekday(), (new.hour < 12) == (old.hour < 12)
    else:
        weekday = new.isoweekday() in woman.wish.weekdays
        hour = (woman.wish.after or time.min) <= new.time() and new.time() < (woman.wish.before or time.max)
    return (
        weights.km * (kilometres(woman.comes_from, slot.stop_at) - kilometres(woman.comes_from, woman.stop_at))
        + (per_day * days if days > 0 else -weights.day_earlier * days)
        + weights.other_weekday * (not weekday)
        + weights.other_time * (not hour)
        + weights.other_unit * (woman.unit != slot.unit)
    )


def ways(women: Sequence[MovingVisit], slots: Sequence[FreePlaces]) -> Iterator[tuple[FreePlaces | None, ...]]:
    """Every way to give places that breaks no rule."""
    options: list[list[FreePlaces | None]] = [
        [None, *(slot for slot in slots if may_have(woman, slot))] for woman in women
    ]
    for way in product(*options):
        taken = Counter(slot.key for slot in way if slot is not None)
        if all(taken[slot.key] <= slot.free for slot in slots):
            yield way


def worth(
    women: Sequence[MovingVisit], way: Sequence[FreePlaces | None], weights: MoveWeights
) -> tuple[int, int, float]:
    """Women left out, urgent ones among them, cost: less is better, the first being the most important."""
    pairs = list(zip(women, way, strict=True))
    left = [woman for woman, slot in pairs if slot is None]
    cost = sum(cost_of(woman, slot, weights) for woman, slot in pairs if slot is not None)
    return len(left), sum(woman.urgent for woman in left), cost


@given(some_visits(4), some_places(5), WEIGHTS)
def test_nothing_is_better_than_the_proposal(
    women: list[MovingVisit], slots: list[FreePlaces], weights: MoveWeights
) -> None:
    """As many women as possible, then as many urgent ones, then the least cost of all ways there are."""
    found = assign(women, slots, MONDAY, weights)
    left, urgent, cost = min(worth(women, way, weights) for way in ways(women, slots))
    assert len(found.unassigned) == left
    assert sum(each.visit.urgent for each in found.unassigned) == urgent
    assert found.totals.cost == pytest.approx(cost, abs=0.01)


@given(some_visits(12), some_places(8), WEIGHTS)
def test_no_rule_is_broken(women: list[MovingVisit], slots: list[FreePlaces], weights: MoveWeights) -> None:
    """No slot above its places, no woman where she may not go, each woman told of once."""
    found = assign(women, slots, MONDAY, weights)
    taken = Counter(each.place.key for each in found.assigned)
    assert all(taken[slot.key] <= slot.free for slot in slots)
    assert all(may_have(each.visit, each.place) for each in found.assigned)
    told = [each.visit.key for each in found.assigned] + [each.visit.key for each in found.unassigned]
    assert Counter(told) == Counter(woman.key for woman in women)


@given(some_visits(12), some_places(8), WEIGHTS)
def test_the_cost_is_that_of_what_changes(
    women: list[MovingVisit], slots: list[FreePlaces], weights: MoveWeights
) -> None:
    """Each cost is told in its terms."""
    for each in assign(women, slots, MONDAY, weights).assigned:
        assert each.cost == pytest.approx(cost_of(each.visit, each.place, weights), abs=0.002)
        change, later = each.change, weights.urgent_day_later if each.visit.urgent else weights.day_later
        days = change.days_later
        assert each.cost == pytest.approx(
            weights.km * change.km_farther
            + max(0, days) * later
            + max(0, -days) * weights.day_earlier
            + weights.other_weekday * change.other_weekday
            + weights.other_time * change.other_time
            + weights.other_unit * change.other_unit,
            abs=0.01,
        )


@given(some_visits(8), some_places(8), st.data())
def test_the_order_of_the_input_does_not_matter(
    women: list[MovingVisit], slots: list[FreePlaces], data: st.DataObject
) -> None:
    """The same women and places have the same answer, also where several would cost the same."""
    shuffled = data.draw(st.permutations(women)), data.draw(st.permutations(slots))
    assert assign(*shuffled, MONDAY) == assign(women, slots, MONDAY)


@given(some_visits(6), some_places(6))
def test_a_reason_is_true(women: list[MovingVisit], slots: list[FreePlaces]) -> None:
    """Who is told that all is full could go somewhere if it were not; nobody else could go anywhere."""
    for left in assign(women, slots, MONDAY).unassigned:
        assert (left.code == "all_full") == any(may_have(left.visit, slot) for slot in slots)


def crowd(women: int, slots: int) -> tuple[list[MovingVisit], list[FreePlaces]]:
    """Many women and slots whose figures follow from their numbers, no two alike; too few places of the good ones."""
    towns = [(51 + 0.013 * (n * 37 % 41), 18 + 0.021 * (n * 17 % 43)) for n in range(40)]
    visits = [
        visit(
            n, comes_from=towns[n * 7 % 40], starts_at=MONDAY + timedelta(days=n % 5, hours=n % 7), urgent=n % 19 == 0
        )
        for n in range(women)
    ]
    places = [
        place(n, stop=n % 40, stop_at=towns[n % 40], starts_at=MONDAY + timedelta(days=n * 11 % 50, hours=n % 6))
        for n in range(slots)
    ]
    return visits, places


@pytest.mark.parametrize("slots", [30, 40, 120])
def test_a_crowd_has_no_better_proposal(slots: int) -> None:
    """No circle of exchanges lowers the sum, which is what optimal means for flows; with other weights one does."""
    women, places = crowd(40, slots)
    found = assign(women, places, MONDAY)
    assert len(found.assigned) == min(len(women), slots)
    assert not can_gain(found, places)
    assert can_gain(assign(women, places, MONDAY, MoveWeights(km=0)), places)


def can_gain(found: Proposal, places: Sequence[FreePlaces]) -> bool:
    """Whether women gain by passing places on in a circle, with the usual weights (Bellman and Ford).

    To stay without a place is a place too, with room for all, and worth less than any other.
    """
    holders = [(each.visit, each.place.key) for each in found.assigned]
    holders += [(each.visit, OUT) for each in found.unassigned]
    held = {key for _, key in holders}
    free = {OUT, *(slot.key for slot in places)} - held | {OUT}
    slots = {slot.key: slot for slot in places}

    def cost(woman: MovingVisit, key: Any) -> float:
        return 1e6 * (1 + woman.urgent) if key == OUT else cost_of(woman, slots[key], MoveWeights())

    ends = [*held | free]
    exchanges = [
        (here, there, cost(woman, there) - cost(woman, here))
        for woman, here in holders
        for there in ends
        if there != here
    ] + [(unused, given_up, 0.0) for unused in free for given_up in held]
    least = dict.fromkeys(ends, 0.0)
    for _ in ends:
        shorter = [(there, least[here] + by) for here, there, by in exchanges if least[here] + by < least[there] - 0.01]
        for there, length in shorter:
            least[there] = min(least[there], length)
        if not shorter:
            return False
    return True


# by example


def test_all_women_are_looked_at_together() -> None:
    """The first would rather have the place in Sieradz, but the second has nowhere else to go."""
    women = [visit(1), visit(2, needs=frozenset({"step_free"}))]
    near, far = place("near", offers=frozenset({"step_free"})), place("far", stop_at=WIELUN)
    assert given_to(proposed(women, [near, far])) == {1: "far", 2: "near"}


def test_more_women_are_worth_any_way() -> None:
    """However much it costs, with however heavy weights."""
    women = [visit(1), visit(2, latest=date(2026, 11, 16))]
    late = place("late", starts_at=MONDAY + timedelta(days=300), stop_at=(54.5, 18.5))
    assert len(proposed(women, [place("soon"), late], km=1000, day_later=1000).assigned) == 2


def test_nobody_gains_so_much_that_another_is_left_out() -> None:
    """The first lives beside the stop and would save kilometres there, but the second has only this place.

    She lives halfway, so nothing costs her anything.
    """
    halfway = (WIELUN[0] + SIERADZ[0]) / 2, (WIELUN[1] + SIERADZ[1]) / 2
    step_free = frozenset({"step_free"})
    women = [visit(1, comes_from=WIELUN), visit(2, needs=step_free, comes_from=halfway)]
    beside = place("beside", stop_at=WIELUN, offers=step_free)
    found = proposed(women, [beside, place("usual")], day_later=0)
    assert given_to(found) == {1: "usual", 2: "beside"}


def test_an_urgent_woman_comes_first_where_places_are_few() -> None:
    """The other one, who would have cost less, is told why."""
    women = [visit(1), visit(2, urgent=True, comes_from=WIELUN, stop_at=WIELUN)]
    found = proposed(women, [place("only")])
    assert given_to(found) == {2: "only"}
    assert codes(found) == {1: "all_full"}


def test_urgent_women_have_the_earlier_of_places_that_are_alike() -> None:
    """The others keep the order in which they were to come."""
    later = [MONDAY + timedelta(minutes=8 * n) for n in range(3)]
    women = [visit(1, starts_at=later[1]), visit(2, starts_at=later[0]), visit(3, starts_at=later[2], urgent=True)]
    times = [place(n, starts_at=later[n] + timedelta(days=7)) for n in range(3)]
    assert given_to(proposed(women, times)) == {3: 0, 2: 1, 1: 2}


def test_what_changes_is_told() -> None:
    """From Sieradz on Monday morning to Łask on Tuesday afternoon, with another unit."""
    moved = proposed([visit()], [place(starts_at=MONDAY + timedelta(days=1, hours=5), stop_at=LASK, unit="other")])
    (only,) = moved.assigned
    km = only.change.km_farther
    assert km == pytest.approx(kilometres(SIERADZ, LASK), abs=0.001)
    assert only.change == Change(km, 1, other_weekday=True, other_time=True, other_unit=True, other_stop=True)
    assert only.cost == pytest.approx(km + 2 + 5 + 5 + 3, abs=0.001)


def test_a_woman_who_lives_nearer_to_the_new_stop_gains() -> None:
    """Kilometres count from where she comes, less those that she would have gone anyway."""
    (only,) = proposed([visit(comes_from=LASK)], [place(stop_at=LASK)]).assigned
    assert only.change.km_farther == pytest.approx(-kilometres(SIERADZ, LASK), abs=0.001)


def test_totals_add_up() -> None:
    """Who keeps her day, her stop and her unit is counted, and who has no place; earlier days count below zero."""
    step_free = frozenset({"step_free"})
    women = [
        visit(1),
        visit(2, latest=MONDAY.date()),
        visit(3, path=Path.HPV_LBC),
        visit(4, starts_at=MONDAY + timedelta(days=14), needs=step_free),
    ]
    slots = [
        place("a", stop="lost"),
        place("b", starts_at=MONDAY + timedelta(hours=1), unit="other"),
        place("c", offers=step_free),
    ]
    assert proposed(women, slots).totals == Totals(
        women=4, assigned=3, km_farther=0, days_later=0, same_day=1, same_stop=1, same_unit=2, cost=14 + 3 + 7
    )


def test_a_wish_decides_between_times_of_one_morning() -> None:
    """Places of one stop and day are alike only as far as nobody wishes for a part of it."""
    slots = [place(hour, starts_at=MONDAY + timedelta(days=7, hours=hour)) for hour in (0, 1)]
    women = [visit(1, wish=Wish(after=time(10))), visit(2, wish=Wish(before=time(10)))]
    assert given_to(proposed(women, slots)) == {1: 1, 2: 0}


def test_a_place_that_begins_at_the_earliest_instant_is_given() -> None:
    """Only earlier ones are too soon."""
    assert len(proposed([visit()], [place(starts_at=MONDAY)]).assigned) == 1


def test_the_day_is_that_of_poland() -> None:
    """Half past eleven in the evening in UTC is the next day in Poland, after her deadline."""
    late = place(starts_at=datetime(2026, 11, 16, 23, 30, tzinfo=UTC))
    assert codes(proposed([visit(latest=date(2026, 11, 16))], [late])) == {1: "after_deadline"}


@pytest.mark.parametrize(
    ("woman", "slot", "code"),
    [
        ({"path": Path.CLASSIC_CYTOLOGY}, {"path": Path.HPV_LBC}, "no_place_of_path"),
        ({}, {"starts_at": MONDAY - timedelta(minutes=1)}, "no_place_ahead"),
        ({"needs": frozenset({"step_free"})}, {"offers": frozenset({"interpreter"})}, "needs_not_met"),
        ({"latest": date(2026, 11, 15)}, {}, "after_deadline"),
        ({"not_before": date(2026, 11, 17)}, {}, "before_eligible"),
        ({}, {"free": 0}, "all_full"),
    ],
)
def test_who_cannot_go_is_told_why(woman: dict[str, Any], slot: dict[str, Any], code: str) -> None:
    """One code each, with a sentence in both languages in which nothing is left open."""
    (left,) = proposed([visit(**woman)], [place(**slot)]).unassigned
    assert left.code == code
    assert not any(sign in left.reason_pl + left.reason_en for sign in ("{", "None"))
    assert left.reason_pl != left.reason_en


@pytest.mark.parametrize("latest", [date(2026, 11, 16), None])
def test_the_last_day_counts(latest: date | None) -> None:
    """A deadline is the last day that counts, and none is no limit; so it is with the first day."""
    assert len(proposed([visit(latest=latest, not_before=latest)], [place()]).assigned) == 1


def test_without_women_or_places_there_is_an_answer() -> None:
    """Nothing to do, or nowhere to go."""
    assert proposed([], [place()]) == Proposal((), ())
    assert codes(proposed([visit()], [])) == {1: "no_place_of_path"}


@pytest.mark.parametrize(
    ("women", "slots", "problem"),
    [
        ([visit(1), visit(1)], [], "twice"),
        ([], [place(1), place(1)], "twice"),
        ([visit()], [place(free=-1)], "less than no places"),
        ([visit(starts_at=MONDAY.replace(tzinfo=None))], [], "zone"),
    ],
)
def test_input_that_cannot_be_meant_is_refused(women: list[MovingVisit], slots: list[FreePlaces], problem: str) -> None:
    """A key given twice, a number of places below zero, an instant without a zone."""
    with pytest.raises(ValueError, match=problem):
        proposed(women, slots)


@pytest.mark.parametrize("weight", [-1.0, 1000.5, float("nan")])
def test_weights_have_bounds(weight: float) -> None:
    """A negative one would reward what is bad, a huge one would not fit the numbers of the flow."""
    with pytest.raises(ValueError, match="weight"):
        replace(MoveWeights(), km=weight)
