"""The vocabulary of what a plan leaves out: the reasons, and how they are said in Polish and in English."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mobile_units.planning.problem import Need, PlanningSite, Unserved
from mobile_units.planning.violations import Words, in_both
from mobile_units.rules.programmes import Programme

UNIT_WITH: Mapping[Need, Words] = {
    Programme.BREAST: Words("jednostki z mammografią", "unit with mammography"),
    Programme.CERVICAL: Words("jednostki z cytologią lub testem HPV", "unit with cytology or HPV tests"),
    None: Words("jednostki", "unit"),
}

REASONS: Mapping[str, Words] = {
    "no_women_due": Words("brak kobiet do zbadania", "no women due"),
    "no_unit_for_programme": Words("brak {who}", "no {who}"),
    "other_place_chosen": Words(
        "z miejsc do wyboru ({group}) wybrano inne: {chosen}",
        "another of the alternative places ({group}) was chosen: {chosen}",
    ),
    "region_unknown": Words(
        "brak {who} bez ograniczenia do województw, a nie wiadomo, w którym leży to miejsce: brak kodu TERYT gminy",
        "no {who} may go to any voivodeship, and nobody knows in which one this site lies: it has no TERYT code",
    ),
    "no_permitted_unit": Words("brak {who}, której wolno tu stać", "no {who} is permitted here"),
    "logistics_missing": Words(
        "brak {who}, której wystarczy to miejsce; brakuje: {missing}",
        "no {who} can do without what is missing here: {missing}",
    ),
    "too_far": Words(
        "brak {who} w promieniu {km:.0f} km od bazy lub postoju (najdłuższy dozwolony przejazd)",
        "no {who} within {km:.0f} km of its base or a stop, the longest drive allowed",
    ),
    "day_trip_too_long": Words(
        "brak {who}, która dojedzie z bazy i wróci w {hours:.1f} h jazdy dziennie",
        "no {who} gets here from its base and back within {hours:.1f} hours of driving a day",
    ),
    "no_stay_fits": Words(
        "żaden postój {who} nie mieści się w dniach pracy {window} (potrzeba kolejnych dni: {days}){restrictions}",
        "no stay of a {who} fits on its working days {window} (days in a row needed: {days}){restrictions}",
    ),
    "no_capacity": Words("brak {who}, która może tu kogokolwiek zbadać", "no {who} can examine anybody here"),
    "visits_used_up": Words(
        "brak {who}, której wolno przyjechać: zbadałaby też kobiety z programu, na który postojów jest już dość "
        "(najwyżej {visits}, co najmniej {gap} dni przerwy)",
        "no {who} may come: it would also serve a programme that has enough stops here already "
        "(at most {visits}, {gap} days apart)",
    ),
    "contract_used_up": Words(
        "umowa ({codes}) obejmuje jeszcze tylko {left} kobiet, a do zbadania jest tu {due}",
        "the contract ({codes}) pays for only {left} more women, and {due} are due here",
    ),
    "no_unit_days_left": Words(
        "brak wolnych dni {who} {window} (potrzeba kolejnych dni: {days}): zajmują je inne miejsca",
        "no days of a {who} are left {window} (days in a row needed: {days}): other places take them",
    ),
    "no_drive_fits": Words(
        "brak {who}, która w wolne dni zdąży dojechać z poprzedniego miejsca i do następnego",
        "no {who} gets here from the place before and to the next one in time, on the days it has left",
    ),
    "not_worth_the_way": Words(
        "za mało kobiet do zbadania w stosunku do dojazdu: {women} kobiet, co najmniej {km:.0f} km więcej",
        "too few women due for the way: {women} women, {km:.0f} km more at least",
    ),
    "still_possible": Words(
        "postój jest możliwy: {unit} od {day}, {women} kobiet, {km:.0f} km więcej",
        "a stop is possible: {unit} from {day}, {women} women, {km:.0f} km more",
    ),
}
"""Every code of a reason, and its sentence."""

CAN_COME = Words(" mogącej tu przyjechać", " that can come here")
"""Added where some of the units were sorted out by an earlier rule."""


KEPT_AWAY = Words(
    "; bez kodu TERYT gminy nie przyjadą tu jednostki ograniczone do województw: {units}",
    "; without the TERYT code of its gmina, units that are limited to voivodeships stay away: {units}",
)
"""Added to any other reason where more could come if it were known in which voivodeship the site lies."""


def unserved(code: str, site: PlanningSite, need: Need, facts: Mapping[str, object]) -> Unserved:
    """Why no unit comes to a site for a programme; `facts` complete the sentence."""
    pl, en = (sentence.format(**told) for sentence, told in zip(REASONS[code], in_both(facts), strict=True))
    return Unserved(site.id, code, en, pl, need)


def without_region(reason: Unserved, kept_away: Sequence[str]) -> Unserved:
    """The reason, and which units it cannot speak of."""
    if not kept_away or reason.code in {"region_unknown", "other_place_chosen"}:
        return reason
    pl, en = (sentence.format(units=", ".join(kept_away)) for sentence in KEPT_AWAY)
    return replace(reason, reason_pl=reason.reason_pl + pl, reason_en=reason.reason_en + en)
