"""The vocabulary of the judge: what can be wrong with an itinerary, and how it is said in Polish and in English."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from mobile_units.planning.problem import Key, Need, PlanningSite, PlanningUnit


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with a plan; keys and the day are None where they do not apply."""

    code: str
    message_pl: str
    message_en: str
    unit_id: Key | None = None
    site_id: Key | None = None
    day: date | None = None


class Words(NamedTuple):
    """The same in Polish and in English."""

    pl: str
    en: str


SENTENCES: Mapping[str, Words] = {
    "unknown_unit": Words("Nieznana jednostka {stranger}.", "Unknown unit {stranger}."),
    "unknown_site": Words("Nieznane miejsce postoju {stranger}.", "Unknown site {stranger}."),
    "no_days": Words(
        "Postój jednostki {unit} w miejscu {site} nie ma żadnego dnia.", "The stop of {unit} at {site} has no days."
    ),
    "outside_period": Words(
        "Dzień {day} leży poza okresem planu od {first} do {last}.",
        "{day} is outside the period from {first} to {last}.",
    ),
    "not_a_weekday_of_unit": Words(
        "{unit} nie pracuje w tym dniu tygodnia: {day}.", "{unit} does not work on this weekday: {day}."
    ),
    "public_holiday": Words("{day} to święto: {holiday}.", "{day} is a public holiday: {holiday}."),
    "unit_unavailable": Words(
        "{unit} jest niedostępna od {first} do {last}, więc nie pracuje {day}.",
        "{unit} is unavailable from {first} to {last} and does not work on {day}.",
    ),
    "outside_window": Words(
        "Miejsce {site} jest dostępne {window}, nie {day}.", "{site} is open {window}, not on {day}."
    ),
    "not_a_weekday_of_site": Words(
        "W miejscu {site} nie wolno stać w tym dniu tygodnia: {day}.",
        "Nobody may stand at {site} on this weekday: {day}.",
    ),
    "blackout": Words(
        "Miejsce {site} jest zajęte od {first} do {last}, więc niedostępne {day}.",
        "{site} is taken from {first} to {last} and not open on {day}.",
    ),
    "stay_interrupted": Words(
        "Postój w miejscu {site} nie jest ciągły przed dniem {day}.",
        "The stay at {site} is not continuous before {day}.",
    ),
    "programme_not_offered": Words(
        "W miejscu {site} nikt nie czeka na badanie, które wykonuje {unit}.",
        "Nobody is due at {site} for what {unit} offers.",
    ),
    "region_unknown": Words(
        "{unit} jeździ tylko po niektórych województwach, a miejsce {site} nie ma kodu TERYT gminy.",
        "{unit} serves some voivodeships only, and {site} has no TERYT code of its gmina.",
    ),
    "not_permitted": Words("{unit} nie może stać w miejscu {site}.", "{unit} is not permitted at {site}."),
    "logistics_missing": Words(
        "W miejscu {site} brakuje tego, czego potrzebuje {unit}: {missing}.",
        "{site} lacks what {unit} needs: {missing}.",
    ),
    "stay_too_short": Words(
        "{site}: postój trwa co najmniej {least} dni, nie {days}.",
        "{site}: a stay takes {least} days at least, not {days}.",
    ),
    "stay_too_long": Words(
        "{site}: postój trwa najwyżej {most} dni, nie {days}.", "{site}: a stay takes {most} days at most, not {days}."
    ),
    "above_capacity": Words(
        "{unit} zbada w miejscu {site} najwyżej {capacity} kobiet, nie {women}.",
        "{unit} reaches at most {capacity} women at {site}, not {women}.",
    ),
    "above_women_due": Words(
        "{site}: zaplanowano o {excess} kobiet więcej, niż czeka tam na badania, które wykonują te jednostki.",
        "{site}: {excess} women more are planned than are due there for what the units offer.",
    ),
    "visited_too_often": Words(
        "{site}: {visits} postoje na {programme}, a wolno najwyżej {most}.",
        "{site}: {visits} stops for the {programme}, and {most} are allowed.",
    ),
    "gap_too_short": Words(
        "{site}: między dniem {before} a postojem od {day} ma być co najmniej {gap} dni przerwy.",
        "{site}: {gap} days or more must lie free between {before} and the stop from {day}.",
    ),
    "two_alternatives": Words(
        "Z miejsc do wyboru ({group}) odwiedza się jedno, a w planie są: {sites}.",
        "Of the alternative places ({group}) one is visited, and the plan has {sites}.",
    ),
    "two_places_at_once": Words(
        "{unit} ma w dniu {day} więcej niż jeden postój.", "{unit} has more than one stop on {day}."
    ),
    "relocation_too_long": Words(
        "{unit}: przejazd {start} – {end} ma {km:.1f} km{guess}, a wolno najwyżej {most:.1f} km.",
        "{unit}: the drive from {start} to {end} is {km:.1f} km long{guess}, and {most:.1f} km are allowed.",
    ),
    "travel_does_not_fit": Words(
        "{unit}: przejazd {way} trwa {hours:.1f} h{guess}, a czasu jest {allowed:.1f} h.",
        "{unit}: the drive {way} takes {hours:.1f} hours{guess}, and there are {allowed:.1f}.",
    ),
    "above_contract": Words(
        "Umowa ({codes}) obejmuje jeszcze {most} kobiet na postojach zaczynających się od {first} do {last}, "
        "a zaplanowano {women}.",
        "The contract ({codes}) pays for {most} more women at stops that begin from {first} to {last}, "
        "and {women} are planned.",
    ),
    "fixed_stop_changed": Words(
        "Ustalony postój jednostki {unit} w miejscu {site} od {first} do {last} zmieniono albo usunięto z planu.",
        "The fixed stop of {unit} at {site} from {first} to {last} is missing from the plan or changed.",
    ),
    "women_misstated": Words(
        "Plan podaje {stated} kobiet, z postojów wynika {women}.",
        "The plan states {stated} women, its stops add up to {women}.",
    ),
    "kilometres_misstated": Words(
        "Plan podaje {stated:.1f} km {whose}, z postojów wynika {km:.1f} km.",
        "The plan states {stated:.1f} km {whose}, its stops add up to {km:.1f} km.",
    ),
    "objective_misstated": Words(
        "Plan podaje „{term}”: {stated}, z postojów wynika {found}.",
        "The plan states “{term}”: {stated}, its stops make {found}.",
    ),
}
"""Every code of a violation, and its sentence."""


def violation(
    code: str,
    *,
    unit: PlanningUnit | None = None,
    site: PlanningSite | None = None,
    day: date | None = None,
    **facts: object,
) -> Violation:
    """A violation that is told with the names of its unit and its site; `facts` complete the sentence."""
    about = {"unit": unit.name if unit else None, "site": site.name if site else None, "day": day}
    pl, en = (sentence.format(**about, **told) for sentence, told in zip(SENTENCES[code], in_both(facts), strict=True))
    return Violation(code, pl, en, unit.id if unit else None, site.id if site else None, day)


def in_both(facts: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """The facts in Polish and in English."""
    return (
        {name: fact.pl if isinstance(fact, Words) else fact for name, fact in facts.items()},
        {name: fact.en if isinstance(fact, Words) else fact for name, fact in facts.items()},
    )


def programme_words(need: Need) -> Words:
    """What women are due for, by its name."""
    return Words("dowolny program", "any programme") if need is None else Words(need.name_pl, need.name_en)


def window_words(first: date | None, last: date | None) -> Words:
    """A window that may be open at one end."""
    if first is None:
        return Words(f"do {last}", f"until {last}")
    if last is None:
        return Words(f"od {first}", f"from {first}")
    return Words(f"od {first} do {last}", f"from {first} to {last}")
