"""The inner loop of the planner: tours on a calendar, taken apart and put together again until time is up.

The method is ruin and recreate with simulated annealing (Christiaens and Vanden Berghe, "Slack induction by string
removals", Transportation Science 54, 2020): strings of stops near a random place are taken out of their tours, and these
and other places nearby are put in where they gain most. Every tour is exact at every moment: it is laid on the calendar
of its unit, day by day, with windows, holidays, fixed stops, drives and nights.

Everything here is arrays and numbers, compiled by numba; `planning.solver` knows what they mean. Days are counted from
the first day of the period, ends are exclusive. A client is a possible stop: a site with the needs that one kind of unit
would serve there, or a fixed stop.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

STAYS_OUT, HOME_ON_WEEKENDS, HOME_DAILY = 0, 1, 2
REMOVED_ON_AVERAGE = 10
LONGEST_STRING = 10
BLINK = 0.01
NOT_SERVED_TRIED = 12
DAYS_BETWEEN_WEEKENDS = 5

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Flags = NDArray[np.bool_]


_inner = njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)


class Model(NamedTuple):
    """What does not change during a search.

    Places are the bases of the units (by their number) and the sites. `km` and `hours` are between places. `run` says
    for a calendar, a class of windows and a day how many working days from this one on are open to a stay; `opens` the
    first of them. `worked` counts the working days before a day, `workday` names them, `gaps` counts the weekends among
    them that are free, `weekend` the Saturdays and Sundays before a day. `days` and `women` are those of a stay of a
    unit at a client, zero days meaning never; for units whose crews change they depend on the day (`dated`).
    `parts` divides the women by programme. A token can be held by one client at a time. `near` lists clients nearby.
    """

    km: Floats
    hours: NDArray[np.float32]
    calendar: Ints
    home: Ints
    longest_drive: Floats
    available: Floats
    worked: Ints
    workday: Ints
    gaps: Ints
    weekend: Ints
    place: Ints
    window: Ints
    tokens: Ints
    group: Ints
    weight: Floats
    fixed_unit: Ints
    fixed_start: Ints
    fixed_end: Ints
    fixed_gaps: Ints
    run: NDArray[np.int16]
    opens: Ints
    days: NDArray[np.int16]
    women: Ints
    parts: Ints
    dated: Ints
    dated_days: NDArray[np.int16]
    dated_women: Ints
    dated_parts: Ints
    near: Ints
    near_units: Ints
    limit_unit: Flags
    limit_programme: Ints
    limit_from: Ints
    limit_to: Ints
    limit_women: Ints
    drive_hours: float
    commute_km: float
    km_per_woman: float
    crew_km_share: float
    women_per_uneven_day: float


class Tours(NamedTuple):
    """Tours of all units: the clients in their order, when each stay starts and ends, and the latest possible start.

    `terms` has a row per unit: weighted women, kilometres, kilometres of the crew, days used. `limited` counts women by
    unit and limit.
    """

    clients: Ints
    length: Ints
    start: Ints
    end: Ints
    latest: Ints
    terms: Floats
    limited: Ints


class State(NamedTuple):
    """What changes: the tours, those to go back to, and who is served; `group_place` is the place chosen of a group."""

    now: Tours
    before: Tours
    touched: Ints
    unit_of: Ints
    taken: Flags
    group_place: Ints
    group_count: Ints
    pool: Ints
    keys: Floats
    stamp: Ints
    mark: Ints
    random: NDArray[np.uint64]


def new_tours(units: int, longest: int, limits: int) -> Tours:
    """Empty tours."""
    shape = (units, longest)
    return Tours(
        clients=np.full(shape, -1, np.int32),
        length=np.zeros(units, np.int32),
        start=np.zeros(shape, np.int32),
        end=np.zeros(shape, np.int32),
        latest=np.zeros(shape, np.int32),
        terms=np.zeros((units, 4)),
        limited=np.zeros((units, limits), np.int32),
    )


def new_state(model: Model, longest: int, tokens: int, groups: int, seed: int) -> State:
    """The state in which nobody is served."""
    units, clients, limits = len(model.calendar), len(model.place), len(model.limit_women)
    return State(
        now=new_tours(units, longest, limits),
        before=new_tours(units, longest, limits),
        touched=np.zeros(units + 1, np.int32),
        unit_of=np.full(clients, -1, np.int32),
        taken=np.zeros(tokens, np.bool_),
        group_place=np.full(groups, -1, np.int32),
        group_count=np.zeros(groups, np.int32),
        pool=np.zeros(clients, np.int32),
        keys=np.zeros(clients),
        stamp=np.full(units + clients, -1, np.int32),
        mark=np.full(units + 1, -1, np.int32),
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
    dated = m.dated[unit]
    return m.dated_days[dated, client, day] if dated >= 0 else m.days[unit, client]


@_inner
def _women(m, unit, client, day):
    dated = m.dated[unit]
    if dated >= 0 and m.fixed_start[client] < 0:
        return m.dated_women[dated, client, day]
    return m.women[unit, client]


@_inner
def _earliest(m, unit, client, day):
    """Start and end of the first stay that begins on `day` or later; the end is -1 if there is none."""
    if m.fixed_start[client] >= 0:
        return m.fixed_start[client], m.fixed_end[client]
    calendar, window = m.calendar[unit], m.window[client]
    day = max(day, m.opens[calendar, window])
    while day < m.run.shape[2]:
        days = _days(m, unit, client, day)
        if 0 < days <= m.run[calendar, window, day]:
            return day, m.workday[calendar, m.worked[calendar, day] + days - 1] + 1
        day += 1
    return day, -1


@_inner
def _latest(m, unit, client, end):
    """The last day on which a stay can start that is over by `end`; -1 if there is none."""
    if m.fixed_start[client] >= 0:
        return m.fixed_start[client]
    calendar, window = m.calendar[unit], m.window[client]
    day = min(end, m.run.shape[2]) - 1
    while day >= m.opens[calendar, window]:
        days = _days(m, unit, client, day)
        if 0 < days <= m.run[calendar, window, day]:
            if m.workday[calendar, m.worked[calendar, day] + days - 1] < end:
                return day
        day -= 1
    return -1


@_inner
def _wait(m, unit, origin, target):
    """Days that must be free between two stops because the drive takes longer than an evening and a morning."""
    if m.home[unit] == HOME_DAILY:
        return 0
    return max(0, int(np.ceil(m.hours[origin, target] / m.drive_hours)) - 1)


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
    tours.terms[unit, 0] = -np.inf
    return False


@_inner
def _lay(m, tours, unit):
    length = tours.length[unit]
    end, origin = 0, unit
    for position in range(length):
        client = tours.clients[unit, position]
        ready = end + (_wait(m, unit, origin, m.place[client]) if position else 0)
        start, end = _earliest(m, unit, client, ready)
        if end < 0 or (start < ready and _is_free_before(m, tours, unit, position)):
            return False
        tours.start[unit, position], tours.end[unit, position] = start, end
        if not _add_stop(m, tours, unit, position, origin):
            return False
        origin = m.place[client]
    if m.home[unit] != HOME_DAILY and length:
        tours.terms[unit, 1] += m.km[origin, unit]
        if m.km[origin, unit] > m.longest_drive[unit]:
            return False
    return True


@_inner
def _is_free_before(m, tours, unit, position):
    """Whether the stop before is not a fixed one; two fixed stops are not for us to part."""
    return position > 0 and m.fixed_start[tours.clients[unit, position - 1]] < 0


@_inner
def _set_latest(m, tours, unit):
    end = m.run.shape[2]
    for position in range(tours.length[unit] - 1, -1, -1):
        client = tours.clients[unit, position]
        latest = _latest(m, unit, client, end)
        if latest < tours.start[unit, position]:
            return False
        tours.latest[unit, position] = latest
        if position:
            end = latest - _wait(m, unit, m.place[tours.clients[unit, position - 1]], m.place[client])
    return True


@_inner
def _add_stop(m, tours, unit, position, origin):
    """Adds the terms of a stop that has its days; whether all drives are short enough."""
    client, start = tours.clients[unit, position], tours.start[unit, position]
    place = m.place[client]
    if m.fixed_start[client] >= 0:
        days, gaps = m.days[unit, client], m.fixed_gaps[client]
    else:
        calendar, days = m.calendar[unit], _days(m, unit, client, start)
        first = m.worked[calendar, start]
        gaps = m.gaps[calendar, first + days - 1] - m.gaps[calendar, first]
    free_weekend = position > 0 and m.weekend[start] > m.weekend[tours.end[unit, position - 1]]
    tours.terms[unit, 0] += m.weight[client] * _women(m, unit, client, start)
    tours.terms[unit, 2] += _crew_km(m, unit, origin, place, days, gaps, free_weekend)
    tours.terms[unit, 3] += days
    _add_limited(m, tours, unit, client, start)
    home_and_back = m.km[place, unit] + m.km[unit, place]
    farthest = max(m.km[place, unit], m.km[unit, place])
    if m.home[unit] == HOME_DAILY:
        tours.terms[unit, 1] += home_and_back * days
        return farthest <= m.longest_drive[unit]
    if m.home[unit] == HOME_ON_WEEKENDS and free_weekend:
        tours.terms[unit, 1] += m.km[origin, unit] + m.km[unit, place]
        longest = max(m.km[origin, unit], m.km[unit, place])
    else:
        tours.terms[unit, 1] += m.km[origin, place]
        longest = m.km[origin, place]
    if m.home[unit] == HOME_ON_WEEKENDS and gaps:
        tours.terms[unit, 1] += home_and_back * gaps
        longest = max(longest, farthest)
    return longest <= m.longest_drive[unit]


@_inner
def _crew_km(m, unit, origin, place, days, gaps, free_weekend):
    if m.home[unit] == HOME_DAILY:
        return 0.0
    if m.km[unit, place] <= m.commute_km:
        km = 2.0 * days * m.km[unit, place]
        lodges = False
    else:
        km = gaps * (m.km[place, unit] + m.km[unit, place]) if m.home[unit] == STAYS_OUT else 0.0
        lodges = True
    if m.home[unit] == STAYS_OUT and free_weekend:
        if m.km[unit, origin] > m.commute_km:
            km += m.km[origin, unit]
        if lodges:
            km += m.km[unit, place]
    return km


@_inner
def _add_limited(m, tours, unit, client, start):
    for limit in range(len(m.limit_women)):
        if m.limit_unit[limit, unit] and m.limit_from[limit] <= start < m.limit_to[limit]:
            programme, dated = m.limit_programme[limit], m.dated[unit]
            if dated >= 0 and m.fixed_start[client] < 0:
                tours.limited[unit, limit] += m.dated_parts[dated, client, start, programme]
            else:
                tours.limited[unit, limit] += m.parts[unit, client, programme]


# all tours


@njit(cache=True, nogil=True)
def value_of(m, terms):
    """The objective: weighted women, less kilometres and uneven load counted in women."""
    km = terms[:, 1].sum() + m.crew_km_share * terms[:, 2].sum()
    squares, used, available = 0.0, 0.0, 0.0
    for unit in range(len(m.available)):
        if m.available[unit] > 0:
            squares += terms[unit, 3] ** 2 / m.available[unit]
            used += terms[unit, 3]
            available += m.available[unit]
    uneven = squares - used**2 / available if available else 0.0
    return terms[:, 0].sum() - km / m.km_per_woman - m.women_per_uneven_day * uneven


@_inner
def _within_limits(m, tours):
    for limit in range(len(m.limit_women)):
        women = 0
        for unit in range(len(m.calendar)):
            women += tours.limited[unit, limit]
        if women > m.limit_women[limit]:
            return False
    return True


@_inner
def _is_open(m, s, client):
    """Whether nobody serves the client, the same women, or another place of its group."""
    if s.unit_of[client] >= 0:
        return False
    for each in range(2):
        token = m.tokens[client, each]
        if token >= 0 and s.taken[token]:
            return False
    group = m.group[client]
    return group < 0 or s.group_count[group] == 0 or s.group_place[group] == m.place[client]


@_inner
def _hold(m, s, client, unit):
    s.unit_of[client] = unit
    for each in range(2):
        token = m.tokens[client, each]
        if token >= 0:
            s.taken[token] = True
    if m.group[client] >= 0:
        s.group_place[m.group[client]] = m.place[client]
        s.group_count[m.group[client]] += 1


@_inner
def _release(m, s, client):
    s.unit_of[client] = -1
    for each in range(2):
        token = m.tokens[client, each]
        if token >= 0:
            s.taken[token] = False
    if m.group[client] >= 0:
        s.group_count[m.group[client]] -= 1


@_inner
def _copy(source, target, unit):
    length = source.length[unit]
    target.length[unit] = length
    for position in range(length):
        target.clients[unit, position] = source.clients[unit, position]
        target.start[unit, position] = source.start[unit, position]
        target.end[unit, position] = source.end[unit, position]
        target.latest[unit, position] = source.latest[unit, position]
    for term in range(4):
        target.terms[unit, term] = source.terms[unit, term]
    for limit in range(source.limited.shape[1]):
        target.limited[unit, limit] = source.limited[unit, limit]


@_inner
def _touch(s, unit, iteration):
    """Keeps a tour as it was at the beginning of the iteration; the last of `touched` counts them."""
    if s.stamp[unit] != iteration:
        s.stamp[unit] = iteration
        s.touched[s.touched[-1]] = unit
        s.touched[-1] += 1
        _copy(s.now, s.before, unit)


@_inner
def _go_back(m, s):
    for number in range(s.touched[-1]):
        unit = s.touched[number]
        for position in range(s.now.length[unit]):
            _release(m, s, s.now.clients[unit, position])
    for number in range(s.touched[-1]):
        unit = s.touched[number]
        _copy(s.before, s.now, unit)
        for position in range(s.now.length[unit]):
            _hold(m, s, s.now.clients[unit, position], unit)


@_inner
def _insert(m, s, unit, position, client):
    tours = s.now
    for later in range(tours.length[unit], position, -1):
        tours.clients[unit, later] = tours.clients[unit, later - 1]
    tours.clients[unit, position] = client
    tours.length[unit] += 1
    _hold(m, s, client, unit)


@_inner
def _take_out(m, s, unit, position):
    tours = s.now
    _release(m, s, tours.clients[unit, position])
    for later in range(position, tours.length[unit] - 1):
        tours.clients[unit, later] = tours.clients[unit, later + 1]
    tours.length[unit] -= 1


# ruin


@_inner
def _position(tours, unit, client):
    for position in range(tours.length[unit]):
        if tours.clients[unit, position] == client:
            return position
    return -1


@_inner
def _ruin(m, s, seed, iteration):
    """Takes strings of stops near the seed out of their tours; returns how many clients are in the pool."""
    served, tours_used = 0, 0
    for unit in range(len(m.calendar)):
        served += s.now.length[unit]
        tours_used += s.now.length[unit] > 0
    longest = min(LONGEST_STRING, max(1.0, served / max(tours_used, 1)))
    most_strings = 4.0 * REMOVED_ON_AVERAGE / (1.0 + longest) - 1.0
    strings = int(_uniform(s.random) * most_strings + 1.0)
    count = 0
    for number in range(-1, m.near.shape[1]):
        client = seed if number < 0 else m.near[seed, number]
        if client < 0 or strings == 0:
            break
        unit = s.unit_of[client]
        if unit < 0 or s.stamp[unit] == iteration or m.fixed_start[client] >= 0:
            continue
        _touch(s, unit, iteration)
        size = int(_uniform(s.random) * min(longest, s.now.length[unit]) + 1.0)
        count = _take_string(m, s, unit, client, size, count)
        strings -= 1
    for number in range(s.touched[-1]):
        count = _mend(m, s, s.touched[number], count)
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
        gone = s.now.clients[unit, position]
        if skip_from <= position < skip_from + kept or m.fixed_start[gone] >= 0:
            continue
        _take_out(m, s, unit, position)
        s.pool[count] = gone
        count += 1
    return count


@_inner
def _mend(m, s, unit, count):
    """Takes out what cannot stay in a tour that lost stops, because the drives are too long now, and schedules it."""
    limit, position = m.longest_drive[unit], 0
    while m.home[unit] != HOME_DAILY and position < s.now.length[unit] and limit < np.inf:
        client = s.now.clients[unit, position]
        origin = m.place[s.now.clients[unit, position - 1]] if position else unit
        target = m.place[client]
        too_long = m.km[origin, target] > limit
        if position == s.now.length[unit] - 1:
            too_long = too_long or m.km[target, unit] > limit
        if too_long and m.fixed_start[client] < 0:
            _take_out(m, s, unit, position)
            s.pool[count] = client
            count += 1
            position = max(0, position - 1)
        else:
            position += 1
    _schedule(m, s.now, unit)
    return count


# recreate


@_inner
def _add_not_served(m, s, seed, count, iteration):
    """Adds clients near the seed whom nobody serves."""
    clients = len(m.calendar)
    for number in range(count):
        s.stamp[clients + s.pool[number]] = iteration
    tried = 0
    for number in range(-1, m.near.shape[1]):
        client = seed if number < 0 else m.near[seed, number]
        if client < 0 or tried == NOT_SERVED_TRIED:
            break
        if s.stamp[clients + client] != iteration and _is_open(m, s, client) and m.fixed_start[client] < 0:
            s.pool[count] = client
            count += 1
            tried += 1
    return count


@_inner
def _sort(m, s, count):
    """Orders the pool: at random, by women per day, by length of stay, or by distance from the nearest unit."""
    way = _uniform(s.random)
    for number in range(count):
        client = s.pool[number]
        unit = m.near_units[client, 0]
        days, women = 1.0, 0.0
        if unit >= 0:
            days = max(1.0, float(m.days[unit, client]))
            women = m.weight[client] * m.women[unit, client]
        if way < 0.35:
            key = _uniform(s.random)
        elif way < 0.7:
            key = -women / days
        elif way < 0.85:
            key = -days
        elif way < 0.95:
            key = -m.km[unit, m.place[client]]
        else:
            key = m.km[unit, m.place[client]]
        s.keys[number] = key
    for number in range(1, count):
        key, client = s.keys[number], s.pool[number]
        at = number
        while at > 0 and s.keys[at - 1] > key:
            s.keys[at], s.pool[at] = s.keys[at - 1], s.pool[at - 1]
            at -= 1
        s.keys[at], s.pool[at] = key, client


@_inner
def _best_position(m, s, unit, client, best, blink):
    """Where a client gains most in a tour, if more than `best`: the gain in women and the position, -1 if nowhere."""
    tours, found = s.now, -1
    length, place, home = tours.length[unit], m.place[client], m.home[unit]
    if m.days[unit, client] == 0 or length == tours.clients.shape[1]:
        return best, found
    to_base, of_stay = m.km[unit, place], 0.0
    if home == HOME_DAILY:
        of_stay = (to_base + m.km[place, unit]) * m.days[unit, client]
    elif to_base <= m.commute_km:
        of_stay = m.crew_km_share * 2.0 * to_base * m.days[unit, client]
    elif home == STAYS_OUT:
        of_stay = m.crew_km_share * 2.0 * to_base * m.days[unit, client] / DAYS_BETWEEN_WEEKENDS
    if home == HOME_ON_WEEKENDS:
        of_stay += 2.0 * to_base * m.days[unit, client] / DAYS_BETWEEN_WEEKENDS
    if m.weight[client] * m.women[unit, client] - of_stay / m.km_per_woman <= best and m.dated[unit] < 0:
        return best, found
    window_opens = m.opens[m.calendar[unit], m.window[client]]
    for position in range(length + 1):
        target = m.place[tours.clients[unit, position]] if position < length else unit
        if position < length and tours.latest[unit, position] <= window_opens:
            continue
        origin = m.place[tours.clients[unit, position - 1]] if position else unit
        added = of_stay
        if home != HOME_DAILY:
            if m.km[origin, place] > m.longest_drive[unit] or m.km[place, target] > m.longest_drive[unit]:
                continue
            added += m.km[origin, place] + m.km[place, target] - m.km[origin, target]
        ready = tours.end[unit, position - 1] + _wait(m, unit, origin, place) if position else 0
        if position < length and tours.latest[unit, position] <= ready:
            continue
        start, end = _earliest(m, unit, client, ready)
        if end < 0:
            break
        if position < length and end + _wait(m, unit, place, target) > tours.latest[unit, position]:
            continue
        gain = m.weight[client] * _women(m, unit, client, start) - added / m.km_per_woman
        if gain > best and (not blink or _uniform(s.random) >= BLINK):
            best, found = gain, position
    return best, found


@_inner
def _place_client(m, s, client, iteration, blink):
    """Puts a client where it gains most among the tours nearby; whether it found a place."""
    s.mark[-1] += 1
    best, best_unit, best_position = 0.0, -1, -1
    for number in range(-m.near_units.shape[1], m.near.shape[1]):
        if number < 0:
            unit = m.near_units[client, -number - 1]
        else:
            unit = s.unit_of[m.near[client, number]] if m.near[client, number] >= 0 else -1
        if unit < 0 or s.mark[unit] == s.mark[-1]:
            continue
        s.mark[unit] = s.mark[-1]
        best, position = _best_position(m, s, unit, client, best, blink)
        if position >= 0:
            best_unit, best_position = unit, position
    if best_unit < 0:
        return False
    _touch(s, best_unit, iteration)
    _insert(m, s, best_unit, best_position, client)
    if _schedule(m, s.now, best_unit) and _within_limits(m, s.now):
        return True
    _take_out(m, s, best_unit, best_position)
    _schedule(m, s.now, best_unit)
    return False


# the search


@njit(cache=True, nogil=True)
def begin(m, s):
    """Puts in the fixed stops, then every client where it gains most, the most women per day first; the value."""
    for client in range(len(m.place)):
        if m.fixed_start[client] >= 0:
            _put_fixed(m, s, client)
    for unit in range(len(m.calendar)):
        _schedule(m, s.now, unit)
    count = 0
    for client in range(len(m.place)):
        unit = m.near_units[client, 0]
        if m.fixed_start[client] < 0 and unit >= 0:
            s.pool[count] = client
            s.keys[count] = -m.weight[client] * m.women[unit, client] / max(1, m.days[unit, client])
            count += 1
    order = np.argsort(s.keys[:count], kind="mergesort")
    s.pool[:count] = s.pool[:count][order]
    for number in range(count):
        client = s.pool[number]
        s.touched[-1] = 0
        if _is_open(m, s, client):
            _place_client(m, s, client, number, False)
    s.stamp[:] = -1
    return value_of(m, s.now.terms)


@_inner
def _put_fixed(m, s, client):
    unit = m.fixed_unit[client]
    position = 0
    while (
        position < s.now.length[unit]
        and m.fixed_start[s.now.clients[unit, position]] <= m.fixed_start[client]
    ):
        position += 1
    _insert(m, s, unit, position, client)


@_inner
def _recreate(m, s, count, iteration):
    for number in range(count):
        client = s.pool[number]
        if _is_open(m, s, client):
            _place_client(m, s, client, iteration, True)


@njit(cache=True, nogil=True)
def search(m, s, best, iterations, hot, cold, value, best_value):
    """Improves the tours for some iterations while it cools down; the value of the tours and that of the best.

    `best` becomes the best tours so far.
    """
    clients = len(m.place)
    cooling = (cold / hot) ** (1.0 / max(1, iterations))
    for iteration in range(iterations):
        hot *= cooling
        s.touched[-1] = 0
        seed = _below(s.random, clients)
        count = _ruin(m, s, seed, iteration)
        count = _add_not_served(m, s, seed, count, iteration)
        _sort(m, s, count)
        _recreate(m, s, count, iteration)
        changed = value_of(m, s.now.terms)
        if changed > value + hot * np.log(_uniform(s.random) + 1e-300) and _within_limits(m, s.now):
            value = changed
            if value > best_value + 1e-9:
                best_value = value
                for unit in range(len(m.calendar)):
                    _copy(s.now, best, unit)
        else:
            _go_back(m, s)
    s.stamp[:] = -1
    return value, best_value
