"""The inner loop of the planner: tours on a calendar, taken apart and put together again until time is up.

The method is ruin and recreate with simulated annealing (Christiaens and Vanden Berghe, "Slack induction by string
removals", Transportation Science 54, 2020): strings of stops near a random place are taken out of their tours, and
these and other places nearby are put in where they gain most. Every tour is exact at every moment: it is laid on the
calendar of its unit, day by day, with windows, holidays, fixed stops, drives and nights.

Everything here is arrays and numbers, compiled by numba; `planning.model` knows what they mean. Days are numbers, ends
are exclusive. A client is a possible stop: a site with the needs that one kind of unit would serve there, or a fixed
stop. There are few arrays with named columns, and few types, because each of them makes compiling longer. It is one
module, because numba compiles again when the file of `search` changes, and does not look at others.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

STAYS_OUT, HOME_ON_WEEKENDS, HOME_DAILY = 0, 1, 2
REMOVED_ON_AVERAGE = 10
LONGEST_STRING = 10
BLINK = 0.01
NOT_SERVED_TRIED, FEW_TRIED_OFTEN = 60, 4
DAYS_BETWEEN_WEEKENDS = 5
ANY_DRIVE = 1e9

# columns of Model.unit, Model.bound, Model.client, Model.stay, Model.limit, rows of Model.calendar, Model.setting
CALENDAR, HOME, CREWS = 0, 1, 2
LONGEST_DRIVE, AVAILABLE = 0, 1
PLACE, WINDOW, GROUP, FIXED_UNIT, FIXED_START, FIXED_END, FIXED_GAPS, TOKENS = 0, 1, 2, 3, 4, 5, 6, 7
DAYS, WOMEN, PARTS = 0, 1, 2
PROGRAMME, FROM, TO, MOST_WOMEN, OF_UNITS = 0, 1, 2, 3, 4
WORKED, WORKDAY, GAPS, WEEKENDS = 0, 1, 2, 3
DRIVE_HOURS, COMMUTE_KM, KM_PER_WOMAN, CREW_KM_SHARE, UNEVEN_DAY, ALL_AVAILABLE = 0, 1, 2, 3, 4, 5
# columns of Tours.stops, Tours.terms, State.unit, State.client, State.group, State.counts, State.value
CLIENT, AT, NOT_BEFORE, START, END, LATEST = 0, 1, 2, 3, 4, 5
WEIGHTED, KM, CREW_KM, USED = 0, 1, 2, 3
TOUCHED, TRIED, CHANGED = 0, 1, 2
UNIT, POOL, SEEN = 0, 1, 2
CHOSEN, STOPS = 0, 1
NOW, BEST = 0, 1
ZERO, NOWHERE, NO_LATER = np.int64(0), np.int64(-1), np.int64(-2)
"""Typed, since a function is compiled once more for each literal that it is called with."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Shorts = NDArray[np.int16]


_entry = njit(cache=True, nogil=True, error_model="numpy")
_often = njit(inline="always", error_model="numpy")
_inner = njit(nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)  # type: ignore[call-overload]  # numba knows more options than its types


class Model(NamedTuple):
    """What does not change during a search.

    Places are the bases of the units (by their number) and the sites; `km` and `hours` lead from one place to another,
    `km_from` to one from another. `run` says for a calendar, a class of windows and a day how many working days from
    this one on are open to a stay; `opens` is the first of them. A `calendar` counts the working days before a day,
    names them, counts the free weekends between them, and the Saturdays and Sundays before a day. `stay` has for a
    client and a unit the days of a stay, zero meaning never, the women reached and how many of them in each programme;
    `stay_on` has the same by the day of the beginning, for units whose crews change. The tokens of a client, its last
    columns, can be held by one client at a time. `near` lists clients nearby, `near_units` the units that could come.
    """

    km: Floats
    km_from: Floats
    hours: NDArray[np.float32]
    unit: Ints
    bound: Floats
    calendar: Ints
    client: Ints
    weight: Floats
    run: Shorts
    opens: Ints
    stay: Ints
    stay_on: Shorts
    near: Ints
    near_units: Ints
    limit: Ints
    setting: Floats


class Tours(NamedTuple):
    """Tours of all units: the stops in their order with client, place, start, end and the latest possible start.

    A stop starts as early as it can, but `NOT_BEFORE` a day that is chosen when it is put in.

    `legs` are the kilometres straight to each stop from the one before or the base, and home from the last. `terms` has
    a row per unit: weighted women, kilometres, kilometres of the crew, days used. `limited` counts women by
    unit and limit.
    """

    stops: Ints
    length: Ints
    legs: Floats
    terms: Floats
    limited: Ints


class State(NamedTuple):
    """What changes: the tours, those to go back to, the best ones, and who is served.

    `unit` lists the tours changed in this round and marks those already tried or changed; `client` has the unit that
    serves it, the pool of clients that look for a place, and who is already in it; `group` the place chosen of a group
    and its stops; `value` the objective now and at best.
    """

    now: Tours
    before: Tours
    best: Tours
    unit: Ints
    client: Ints
    group: Ints
    taken: NDArray[np.bool_]
    keys: Floats
    counts: Ints
    value: Floats
    random: NDArray[np.uint64]


def new_tours(units: int, longest: int, limits: int) -> Tours:
    """Empty tours."""
    return Tours(
        stops=np.zeros((units, longest, LATEST + 1), np.int64),
        length=np.zeros(units, np.int64),
        legs=np.zeros((units, longest + 1)),
        terms=np.zeros((units, 4)),
        limited=np.zeros((units, limits), np.int64),
    )


def new_state(model: Model, longest: int, tokens: int, groups: int, seed: int) -> State:
    """The state in which nobody is served."""
    units, clients, limits = len(model.unit), len(model.client), len(model.limit)
    return State(
        now=new_tours(units, longest, limits),
        before=new_tours(units, longest, limits),
        best=new_tours(units, longest, limits),
        unit=np.full((units, 3), -1, np.int64),
        client=np.full((clients, 3), -1, np.int64),
        group=np.tile(np.array([-1, 0], np.int64), (groups, 1)),
        taken=np.zeros(tokens, np.bool_),
        keys=np.zeros(clients),
        counts=np.zeros(2, np.int64),
        value=np.zeros(2),
        random=np.array([(seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) & 0xFFFFFFFFFFFFFFFF], np.uint64),
    )


@_inner
def _uniform(random):
    """The next number of a splitmix64 sequence, from 0 to 1."""
    random[0] += np.uint64(0x9E3779B97F4A7C15)
    z = random[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@_inner
def _below(random, count):
    return min(int(_uniform(random) * count), count - 1)


# one stay


@_inner
def _days(m, unit, client, day):
    dated = m.unit[unit, CREWS]
    return m.stay_on[dated, client, day, DAYS] if dated >= 0 else m.stay[client, unit, DAYS]


@_inner
def _women(m, unit, client, day):
    dated = m.unit[unit, CREWS]
    if dated >= 0 and not _is_fixed(m, client):
        return m.stay_on[dated, client, day, WOMEN]
    return m.stay[client, unit, WOMEN]


@_inner
def _earliest(m, unit, client, day):
    """Start and end of the first stay that begins on `day` or later; the end is -1 if there is none."""
    if _is_fixed(m, client):
        return m.client[client, FIXED_START], m.client[client, FIXED_END]
    calendar, window = m.unit[unit, CALENDAR], m.client[client, WINDOW]
    day = max(day, m.opens[calendar, window])
    while day < m.run.shape[2]:
        days = _days(m, unit, client, day)
        if 0 < days <= m.run[calendar, window, day]:
            return day, m.calendar[calendar, WORKDAY, m.calendar[calendar, WORKED, day] + days - 1] + 1
        day += 1
    return day, -1


@_inner
def _latest(m, unit, client, end):
    """The last day on which a stay can start that is over by `end`; -1 if there is none."""
    if _is_fixed(m, client):
        return m.client[client, FIXED_START]
    calendar, window = m.unit[unit, CALENDAR], m.client[client, WINDOW]
    day = min(end, m.run.shape[2]) - 1
    while day >= m.opens[calendar, window]:
        days = _days(m, unit, client, day)
        last = m.calendar[calendar, WORKED, day] + days - 1
        if 0 < days <= m.run[calendar, window, day] and m.calendar[calendar, WORKDAY, last] < end:
            return day
        day -= 1
    return -1


@_inner
def _is_fixed(m, client):
    return m.client[client, FIXED_UNIT] >= 0


@_inner
def _wait(m, unit, origin, target):
    """Days that must be free between two stops because the drive takes longer than an evening and a morning."""
    hours, home = m.hours[origin, target], m.unit[unit, HOME]
    if home == HOME_DAILY:
        return 0
    if home == HOME_ON_WEEKENDS:
        by_base = m.hours[origin, unit] + m.hours[unit, target]
        if by_base > 2.0 * m.setting[DRIVE_HOURS]:  # a weekend leaves time for two drives at least
            hours = max(hours, by_base)
    return max(0, int(np.ceil(hours / m.setting[DRIVE_HOURS])) - 1)


# one tour


@_inner
def _schedule(m, tours, unit):
    """Lays a tour on the calendar as early as possible and works out its terms; whether it can be carried out.

    What cannot is worth minus infinity.
    """
    for term in range(4):
        tours.terms[unit, term] = 0.0
    for limit in range(tours.limited.shape[1]):
        tours.limited[unit, limit] = 0
    if _lay(m, tours, unit) and _set_latest(m, tours, unit):
        return True
    tours.terms[unit, WEIGHTED] = -np.inf
    return False


@_inner
def _lay(m, tours, unit):
    end, origin = ZERO, unit
    for position in range(tours.length[unit]):
        client = tours.stops[unit, position, CLIENT]
        ready = end + (_wait(m, unit, origin, m.client[client, PLACE]) if position else 0)
        start, over = _earliest(m, unit, client, max(ready, tours.stops[unit, position, NOT_BEFORE]))
        both_fixed = _is_fixed(m, client) and _is_fixed_before(m, tours, unit, position)
        if over < 0 or (start < ready and not both_fixed):
            return False
        end = max(end, over)
        tours.stops[unit, position, START], tours.stops[unit, position, END] = start, end
        tours.legs[unit, position] = m.km[origin, m.client[client, PLACE]]
        if _add_stop(m, tours, unit, position, origin) > m.bound[unit, LONGEST_DRIVE]:
            return False
        origin = m.client[client, PLACE]
    return _drive_home(m, tours, unit, origin)


@_inner
def _drive_home(m, tours, unit, origin):
    """Adds the way home from the last stop; whether it is short enough."""
    length = tours.length[unit]
    tours.legs[unit, length] = m.km[origin, unit]
    if m.unit[unit, HOME] == HOME_DAILY or length == 0:
        return True
    tours.terms[unit, KM] += m.km[origin, unit]
    return m.km[origin, unit] <= m.bound[unit, LONGEST_DRIVE] or _is_fixed(m, tours.stops[unit, length - 1, CLIENT])


@_inner
def _is_fixed_before(m, tours, unit, position):
    """Whether no free stop is before; how fixed stops follow each other, and the base, is not for us to judge."""
    return position == 0 or _is_fixed(m, tours.stops[unit, position - 1, CLIENT])


@_inner
def _set_latest(m, tours, unit):
    end = m.run.shape[2]
    for position in range(tours.length[unit] - 1, -1, -1):
        client = tours.stops[unit, position, CLIENT]
        latest = _latest(m, unit, client, end)
        if latest < tours.stops[unit, position, START]:
            return False
        tours.stops[unit, position, LATEST] = latest
        if position:
            end = latest - _wait(m, unit, tours.stops[unit, position - 1, AT], m.client[client, PLACE])
    return True


@_often
def _is_weekend_between(m, unit, end, start):
    """Whether a Saturday or Sunday lies among the days from `end` to the day before `start`."""
    calendar = m.unit[unit, CALENDAR]
    return m.calendar[calendar, WEEKENDS, start] > m.calendar[calendar, WEEKENDS, end]


@_often
def _add_stop(m, tours, unit, position, origin):
    """Adds the terms of a stop that has its days; the longest drive that it gives rise to, in kilometres."""
    client, start = tours.stops[unit, position, CLIENT], tours.stops[unit, position, START]
    if _is_fixed(m, client):
        days, gaps = m.stay[client, unit, DAYS], m.client[client, FIXED_GAPS]
    else:
        calendar, days = m.unit[unit, CALENDAR], _days(m, unit, client, start)
        first = m.calendar[calendar, WORKED, start]
        gaps = m.calendar[calendar, GAPS, first + days - 1] - m.calendar[calendar, GAPS, first]
    weekend = position > 0 and _is_weekend_between(m, unit, tours.stops[unit, position - 1, END], start)
    tours.terms[unit, WEIGHTED] += m.weight[client] * _women(m, unit, client, start)
    tours.terms[unit, CREW_KM] += _crew_km(m, unit, origin, m.client[client, PLACE], days, gaps, weekend)
    tours.terms[unit, USED] += days
    _add_limited(m, tours, unit, client, start)
    if m.unit[unit, HOME] == HOME_DAILY:
        return _drive_daily(m, tours, unit, client, days)
    after_fixed = _is_fixed_before(m, tours, unit, position)
    return _drive_on(m, tours, unit, origin, client, gaps, weekend, after_fixed)


@_often
def _drive_daily(m, tours, unit, client, days):
    there, back = m.km[unit, m.client[client, PLACE]], m.km[m.client[client, PLACE], unit]
    tours.terms[unit, KM] += (there + back) * days
    return 0.0 if _is_fixed(m, client) else max(there, back)


@_often
def _drive_on(m, tours, unit, origin, client, gaps, weekend, after_fixed):
    """The way to a stop, and home on weekends; drives that fixed stops alone give rise to are not for us to refuse."""
    place, longest = m.client[client, PLACE], 0.0
    by_base = m.unit[unit, HOME] == HOME_ON_WEEKENDS
    there, back = m.km[unit, place], m.km[place, unit]
    if by_base and weekend:
        tours.terms[unit, KM] += m.km[origin, unit] + there
        if not after_fixed:
            longest = m.km[origin, unit]
    else:
        tours.terms[unit, KM] += m.km[origin, place]
        if not (after_fixed and _is_fixed(m, client)):
            longest = m.km[origin, place]
    if by_base:
        tours.terms[unit, KM] += (there + back) * gaps
    if by_base and (weekend or gaps) and not _is_fixed(m, client):
        longest = max(longest, there)
    if by_base and gaps and not _is_fixed(m, client):
        hours = m.hours[unit, place] + m.hours[place, unit]
        longest = max(longest, back) if hours <= 2.0 * m.setting[DRIVE_HOURS] else np.inf
    return longest


@_inner
def _crew_km(m, unit, origin, place, days, gaps, free_weekend):
    """Kilometres of the crew in its car: home every evening from nearby, home on free weekends from farther away."""
    if m.unit[unit, HOME] == HOME_DAILY:
        return 0.0
    if m.km[unit, place] <= m.setting[COMMUTE_KM]:
        km = 2.0 * days * m.km[unit, place]
        lodges = False
    else:
        km = gaps * (m.km[place, unit] + m.km[unit, place]) if m.unit[unit, HOME] == STAYS_OUT else 0.0
        lodges = True
    if m.unit[unit, HOME] == STAYS_OUT and free_weekend:
        if m.km[unit, origin] > m.setting[COMMUTE_KM]:
            km += m.km[origin, unit]
        if lodges:
            km += m.km[unit, place]
    return km


@_inner
def _add_limited(m, tours, unit, client, start):
    for limit in range(len(m.limit)):
        if m.limit[limit, OF_UNITS + unit] and m.limit[limit, FROM] <= start < m.limit[limit, TO]:
            programme, dated = m.limit[limit, PROGRAMME], m.unit[unit, CREWS]
            if dated >= 0 and not _is_fixed(m, client):
                tours.limited[unit, limit] += m.stay_on[dated, client, start, PARTS + programme]
            else:
                tours.limited[unit, limit] += m.stay[client, unit, PARTS + programme]


# all tours


@_inner
def _value(m, terms):
    """The objective: weighted women, less kilometres and uneven load counted in women."""
    women, km, squares, used, available = 0.0, 0.0, 0.0, 0.0, m.setting[ALL_AVAILABLE]
    for unit in range(len(m.unit)):
        women += terms[unit, WEIGHTED]
        km += terms[unit, KM] + m.setting[CREW_KM_SHARE] * terms[unit, CREW_KM]
        if m.bound[unit, AVAILABLE] > 0:
            squares += terms[unit, USED] ** 2 / m.bound[unit, AVAILABLE]
            used += terms[unit, USED]
    uneven = squares - used**2 / available if available else 0.0
    return women - km / m.setting[KM_PER_WOMAN] - m.setting[UNEVEN_DAY] * uneven


@_inner
def _within_limits(m, tours):
    for limit in range(len(m.limit)):
        women = 0
        for unit in range(len(m.unit)):
            women += tours.limited[unit, limit]
        if women > m.limit[limit, MOST_WOMEN]:
            return False
    return True


@_inner
def _is_open(m, s, client):
    """Whether nobody serves the client, the same women, or another place of its group."""
    if s.client[client, UNIT] >= 0:
        return False
    for column in range(TOKENS, m.client.shape[1]):
        token = m.client[client, column]
        if token >= 0 and s.taken[token]:
            return False
    group = m.client[client, GROUP]
    return group < 0 or s.group[group, STOPS] == 0 or s.group[group, CHOSEN] == m.client[client, PLACE]


@_inner
def _hold(m, s, client, unit):
    s.client[client, UNIT] = unit
    for column in range(TOKENS, m.client.shape[1]):
        token = m.client[client, column]
        if token >= 0:
            s.taken[token] = True
    if m.client[client, GROUP] >= 0:
        s.group[m.client[client, GROUP], CHOSEN] = m.client[client, PLACE]
        s.group[m.client[client, GROUP], STOPS] += 1


@_inner
def _release(m, s, client):
    s.client[client, UNIT] = -1
    for column in range(TOKENS, m.client.shape[1]):
        token = m.client[client, column]
        if token >= 0:
            s.taken[token] = False
    if m.client[client, GROUP] >= 0:
        s.group[m.client[client, GROUP], STOPS] -= 1


@_inner
def _copy(source, target, unit):
    target.length[unit] = source.length[unit]
    for position in range(source.length[unit]):
        target.legs[unit, position] = source.legs[unit, position]
        for column in range(LATEST + 1):
            target.stops[unit, position, column] = source.stops[unit, position, column]
    target.legs[unit, source.length[unit]] = source.legs[unit, source.length[unit]]
    for term in range(4):
        target.terms[unit, term] = source.terms[unit, term]
    for limit in range(source.limited.shape[1]):
        target.limited[unit, limit] = source.limited[unit, limit]


@_inner
def _touch(s, unit, iteration):
    """Keeps a tour as it was at the beginning of the iteration, and its number, unless that was done."""
    if s.unit[unit, CHANGED] != iteration:
        s.unit[unit, CHANGED] = iteration
        s.unit[s.counts[TOUCHED], TOUCHED] = unit
        s.counts[TOUCHED] += 1
        _copy(s.now, s.before, unit)


@_inner
def _go_back(m, s):
    for number in range(s.counts[TOUCHED]):
        unit = s.unit[number, TOUCHED]
        for position in range(s.now.length[unit]):
            _release(m, s, s.now.stops[unit, position, CLIENT])
    for number in range(s.counts[TOUCHED]):
        unit = s.unit[number, TOUCHED]
        _copy(s.before, s.now, unit)
        for position in range(s.now.length[unit]):
            _hold(m, s, s.now.stops[unit, position, CLIENT], unit)


@_inner
def _insert(m, s, unit, position, client, not_before):
    tours = s.now
    for later in range(tours.length[unit], position, -1):
        for column in range(START):
            tours.stops[unit, later, column] = tours.stops[unit, later - 1, column]
    tours.stops[unit, position, CLIENT], tours.stops[unit, position, AT] = client, m.client[client, PLACE]
    tours.stops[unit, position, NOT_BEFORE] = not_before
    tours.length[unit] += 1
    _hold(m, s, client, unit)


@_inner
def _take_out(m, s, unit, position):
    tours = s.now
    _release(m, s, tours.stops[unit, position, CLIENT])
    for later in range(position, tours.length[unit] - 1):
        for column in range(START):
            tours.stops[unit, later, column] = tours.stops[unit, later + 1, column]
    tours.length[unit] -= 1


# ruin


@_inner
def _position(tours, unit, client):
    for position in range(tours.length[unit]):
        if tours.stops[unit, position, CLIENT] == client:
            return position
    return -1


@_inner
def _ruin(m, s, seed, iteration):
    """Takes strings of stops near the seed out of their tours; returns how many clients are in the pool."""
    served, tours_used = 0, 0
    for unit in range(len(m.unit)):
        served += s.now.length[unit]
        tours_used += s.now.length[unit] > 0
    longest = min(LONGEST_STRING, max(1.0, served / max(tours_used, 1)))
    most_strings = 4.0 * REMOVED_ON_AVERAGE / (1.0 + longest) - 1.0
    strings = int(_uniform(s.random) * most_strings + 1.0)
    count = ZERO
    for number in range(-1, m.near.shape[1]):
        client = seed if number < 0 else m.near[seed, number]
        if client < 0 or strings == 0:
            break
        unit = s.client[client, UNIT]
        if unit < 0 or s.unit[unit, CHANGED] == iteration or _is_fixed(m, client):
            continue
        _touch(s, unit, iteration)
        size = int(_uniform(s.random) * min(longest, s.now.length[unit]) + 1.0)
        count = _take_string(m, s, unit, client, size, count)
        strings -= 1
    for number in range(s.counts[TOUCHED]):
        count = _mend(m, s, s.unit[number, TOUCHED], count)
    return count


@_inner
def _take_string(m, s, unit, client, size, count):
    """Takes out `size` stops in a row around a client, half of the time leaving some in the middle."""
    length = s.now.length[unit]
    kept = 0
    if size > 1 and size < length and _uniform(s.random) < 0.5:
        kept = 1
        while size + kept < length and _uniform(s.random) > 0.5:
            kept += 1
    span = min(size + kept, length)
    at = _position(s.now, unit, client)
    first = max(0, at - span + 1)
    last = min(at, length - span)
    first += _below(s.random, last - first + 1)
    skip_from = first + 1 + _below(s.random, max(1, span - kept - 1)) if kept else first + span
    for position in range(first + span - 1, first - 1, -1):
        gone = s.now.stops[unit, position, CLIENT]
        if skip_from <= position < skip_from + kept or _is_fixed(m, gone):
            continue
        _take_out(m, s, unit, position)
        s.client[count, POOL] = gone
        count += 1
    return count


@_inner
def _mend(m, s, unit, count):
    """Takes out what cannot stay in a tour that lost stops, because the drives are too long now, and schedules it."""
    limit, position = m.bound[unit, LONGEST_DRIVE], ZERO
    while m.unit[unit, HOME] != HOME_DAILY and position < s.now.length[unit] and limit < ANY_DRIVE:
        gone = _too_far_on(m, s.now, unit, position)
        if gone >= 0:
            s.client[count, POOL] = s.now.stops[unit, gone, CLIENT]
            _take_out(m, s, unit, gone)
            count += 1
            position = max(ZERO, gone - 1)
        else:
            position += 1
    _schedule(m, s.now, unit)
    return count


@_inner
def _too_far_on(m, tours, unit, position):
    """The free stop that has to go because the drive to a position, or home from it, is too long; or -1."""
    limit, client = m.bound[unit, LONGEST_DRIVE], tours.stops[unit, position, CLIENT]
    place, free = m.client[client, PLACE], not _is_fixed(m, client)
    origin = tours.stops[unit, position - 1, AT] if position else unit
    if free and position == tours.length[unit] - 1 and m.km[place, unit] > limit:
        return position
    if m.km[origin, place] > limit:
        if free:
            return position
        if not _is_fixed_before(m, tours, unit, position):
            return position - 1
    return NOWHERE


# recreate


@_inner
def _add_not_served(m, s, seed, count, iteration):
    """Adds clients near the seed whom nobody serves: mostly a few, sometimes many."""
    for number in range(count):
        s.client[s.client[number, POOL], SEEN] = iteration
    tried, most = 0, int(NOT_SERVED_TRIED * _uniform(s.random) ** FEW_TRIED_OFTEN) + 1
    for number in range(-1, m.near.shape[1]):
        client = seed if number < 0 else m.near[seed, number]
        if client < 0 or tried == most:
            break
        if s.client[client, SEEN] != iteration and _is_open(m, s, client) and not _is_fixed(m, client):
            s.client[count, POOL] = client
            count += 1
            tried += 1
    return count


@_inner
def _sort(m, s, count):
    """Orders the pool: at random, by women per day, by length of stay, or by distance from the nearest unit."""
    way = _uniform(s.random)
    for number in range(count):
        client = s.client[number, POOL]
        unit = m.near_units[client, 0]
        days, women = 1.0, 0.0
        if unit >= 0:
            days = max(1.0, float(m.stay[client, unit, DAYS]))
            women = m.weight[client] * m.stay[client, unit, WOMEN]
        if way < 0.35:
            key = _uniform(s.random)
        elif way < 0.7:
            key = -women / days
        elif way < 0.85:
            key = -days
        else:
            key = m.km[unit, m.client[client, PLACE]] * (1.0 if way < 0.9 else -1.0)
        s.keys[number] = key
    for number in range(1, count):
        key, client = s.keys[number], s.client[number, POOL]
        at = number
        while at > 0 and s.keys[at - 1] > key:
            s.keys[at], s.client[at, POOL] = s.keys[at - 1], s.client[at - 1, POOL]
            at -= 1
        s.keys[at], s.client[at, POOL] = key, client


@_inner
def _km_of_stay(m, unit, client):
    """About how many kilometres a stay costs beside the way to it."""
    there, back = m.km[unit, m.client[client, PLACE]], m.km[m.client[client, PLACE], unit]
    days, home = m.stay[client, unit, DAYS], m.unit[unit, HOME]
    weekends = days / DAYS_BETWEEN_WEEKENDS
    if home == HOME_DAILY:
        return (there + back) * days
    km = (there + back) * weekends if home == HOME_ON_WEEKENDS else 0.0
    if there <= m.setting[COMMUTE_KM]:
        km += m.setting[CREW_KM_SHARE] * 2.0 * there * days
    elif home == STAYS_OUT:
        km += m.setting[CREW_KM_SHARE] * (there + back) * weekends
    return km


@_inner
def _uneven_load(m, tours, unit, days, used):
    """What it costs, in women, if a unit works some days more, all units having `used` days so far."""
    available, all_available = m.bound[unit, AVAILABLE], m.setting[ALL_AVAILABLE]
    own = (2.0 * tours.terms[unit, USED] + days) * days / available
    return m.setting[UNEVEN_DAY] * (own - (2.0 * used + days) * days / all_available)


@_often
def _best_position(m, s, unit, client, not_before, best, used, blink):
    """Where a client gains most in a tour, if more than `best`: the gain in women and the position, -1 if nowhere."""
    tours, found, length = s.now, NOWHERE, s.now.length[unit]
    days = m.stay[client, unit, DAYS]
    if days == 0 or length == tours.stops.shape[1]:
        return best, found
    km_of_stay, uneven = _km_of_stay(m, unit, client), _uneven_load(m, tours, unit, days, used)
    if m.weight[client] * m.stay[client, unit, WOMEN] - km_of_stay / m.setting[KM_PER_WOMAN] - uneven <= best:
        return best, found
    opens = max(not_before, m.opens[m.unit[unit, CALENDAR], m.client[client, WINDOW]])
    for position in range(length + 1):
        latest = tours.stops[unit, position, LATEST] if position < length else m.run.shape[2] + 1
        if latest <= opens:
            continue
        costs = (km_of_stay + _detour(m, tours, unit, position, client)) / m.setting[KM_PER_WOMAN] + uneven
        if m.weight[client] * m.stay[client, unit, WOMEN] - costs <= best:
            continue
        start = _start_at(m, tours, unit, position, client, not_before, latest)
        if start == NO_LATER:
            break
        if start < 0:
            continue
        gain = m.weight[client] * _women(m, unit, client, start) - costs
        if gain > best and (not blink or _uniform(s.random) >= BLINK):
            best, found = gain, position
    return best, found


@_often
def _before(tours, unit, position):
    """The place before a position of a tour."""
    return tours.stops[unit, position - 1, AT] if position else unit


@_often
def _after(tours, unit, position):
    """The place that is at a position of a tour, and would be after a stop that is put in there."""
    return tours.stops[unit, position, AT] if position < tours.length[unit] else unit


@_often
def _detour(m, tours, unit, position, client):
    """The kilometres that a stop at a position adds to a tour, as far as weekends are left out of account."""
    if m.unit[unit, HOME] == HOME_DAILY:
        return 0.0
    place = m.client[client, PLACE]
    origin, target = _before(tours, unit, position), _after(tours, unit, position)
    return m.km_from[place, origin] + m.km[place, target] - tours.legs[unit, position]


@_often
def _start_at(m, tours, unit, position, client, not_before, latest):
    """The day on which a client could start at a position of a tour, if what follows it starts by `latest`.

    `NOWHERE` if it does not fit, and `NO_LATER` if the days left are too few, which later positions have fewer of.
    """
    place, last = m.client[client, PLACE], position == tours.length[unit]
    origin, target = _before(tours, unit, position), _after(tours, unit, position)
    ends = tours.stops[unit, position - 1, END] if position else ZERO
    ready = max(not_before, ends + (_wait(m, unit, origin, place) if position else 0))
    if latest <= ready:
        return NOWHERE
    start, end = _earliest(m, unit, client, ready)
    if end < 0:
        return NO_LATER
    follows = end if last else max(tours.stops[unit, position, START], end + _wait(m, unit, place, target))
    if follows > latest:
        return NOWHERE
    home, limit = m.unit[unit, HOME], m.bound[unit, LONGEST_DRIVE]
    if home == HOME_DAILY or limit == ANY_DRIVE:
        return start
    by_base = home == HOME_ON_WEEKENDS and position > 0 and _is_weekend_between(m, unit, ends, start)
    if m.km[unit if by_base else origin, place] > limit:
        return NOWHERE
    by_base = home == HOME_ON_WEEKENDS and not last and _is_weekend_between(m, unit, end, follows)
    return NOWHERE if m.km[place, unit if by_base else target] > limit else start


@_inner
def _place_client(m, s, client, iteration):
    """Puts a client where it gains most among the tours nearby; whether it found a place.

    Where a limit forbids it, it waits until the period of the limit is over.
    """
    not_before = ZERO
    while not_before >= 0:
        s.counts[TRIED] += 1
        used = s.now.terms[:, USED].sum()
        best, best_unit, best_position = 0.0, NOWHERE, NOWHERE
        for number in range(-m.near_units.shape[1], m.near.shape[1]):
            if number < 0:
                unit = m.near_units[client, -number - 1]
            else:
                unit = s.client[m.near[client, number], UNIT] if m.near[client, number] >= 0 else -1
            if unit < 0 or s.unit[unit, TRIED] == s.counts[TRIED]:
                continue
            s.unit[unit, TRIED] = s.counts[TRIED]
            best, position = _best_position(m, s, unit, client, not_before, best, used, iteration > 0)
            if position >= 0:
                best_unit, best_position = unit, position
        if best_unit < 0:
            return False
        _touch(s, best_unit, iteration)
        _insert(m, s, best_unit, best_position, client, not_before)
        fits = _schedule(m, s.now, best_unit)
        if fits and _within_limits(m, s.now):
            return True
        not_before = (
            _end_of_limit(m, s.now, best_unit, s.now.stops[best_unit, best_position, START]) if fits else NOWHERE
        )
        _take_out(m, s, best_unit, best_position)
        _schedule(m, s.now, best_unit)
    return False


@_inner
def _end_of_limit(m, tours, unit, start):
    """When the last of the exceeded limits that count a stop with this start is over; -1 if none counts it."""
    end = NOWHERE
    for limit in range(len(m.limit)):
        counts = m.limit[limit, OF_UNITS + unit] and m.limit[limit, FROM] <= start < m.limit[limit, TO]
        if counts and tours.limited[:, limit].sum() > m.limit[limit, MOST_WOMEN]:
            end = max(end, m.limit[limit, TO])
    return end


# the search


@_inner
def _begin(m, s, order):
    """Puts in the fixed stops, then every client in `order` where it gains most."""
    for client in range(len(m.client)):
        if _is_fixed(m, client):
            _put_fixed(m, s, client)
    for unit in range(len(m.unit)):
        _schedule(m, s.now, unit)
    for number in range(len(order)):
        s.counts[TOUCHED] = 0
        if _is_open(m, s, order[number]):
            _place_client(m, s, order[number], -2 - number)


@_inner
def _put_fixed(m, s, client):
    unit, position = m.client[client, FIXED_UNIT], ZERO
    while position < s.now.length[unit]:
        if m.client[s.now.stops[unit, position, CLIENT], FIXED_START] > m.client[client, FIXED_START]:
            break
        position += 1
    _insert(m, s, unit, position, client, ZERO)


@_inner
def _recreate(m, s, count, iteration):
    for number in range(count):
        client = s.client[number, POOL]
        if _is_open(m, s, client):
            _place_client(m, s, client, iteration)


@_inner
def _keep_best(m, s):
    s.value[BEST] = s.value[NOW]
    for unit in range(len(m.unit)):
        _copy(s.now, s.best, unit)


@_entry
def search(m, s, order, first, last, hot, cold):
    """Rounds `first` to `last` (exclusive) of the search while it cools down, numbered on from call to call.

    Round 0 makes the greedy tours, taking the clients in `order`.
    """
    if first == 0:
        _begin(m, s, order)
        s.value[NOW] = _value(m, s.now.terms)
        _keep_best(m, s)
        first = 1
    cooling = (cold / hot) ** (1.0 / max(1, last - first))
    for iteration in range(first, last):
        hot *= cooling
        s.counts[TOUCHED] = 0
        seed = _below(s.random, len(m.client))
        count = _ruin(m, s, seed, iteration)
        count = _add_not_served(m, s, seed, count, iteration)
        _sort(m, s, count)
        _recreate(m, s, count, iteration)
        changed = _value(m, s.now.terms)
        if changed > s.value[NOW] + hot * np.log(_uniform(s.random) + 1e-300) and _within_limits(m, s.now):
            s.value[NOW] = changed
            if changed > s.value[BEST] + 1e-9:
                _keep_best(m, s)
        else:
            _go_back(m, s)
