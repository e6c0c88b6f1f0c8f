"""The places that a plan leaves out, grouped by why, in the words of a heading."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mobile_units.planning.problem import Key, Unserved
from mobile_units.rules.programmes import Programme
from routes.pages.words import alphabetical

TITLES: Mapping[str, str] = {
    "no_women_due": "Nikt nie czeka na badanie",
    "no_unit_for_programme": "Żadna jednostka nie wykonuje tego badania",
    "other_place_chosen": "Wybrano inne miejsce z tej samej grupy",
    "region_unknown": "Nie wiadomo, w jakim województwie leży miejsce",
    "no_permitted_unit": "Żadnej jednostce nie wolno tam stać",
    "logistics_missing": "Miejsce nie ma tego, czego potrzebuje jednostka",
    "too_far": "Za daleko od bazy i innych postojów",
    "day_trip_too_long": "Za daleko, żeby wrócić tego samego dnia",
    "no_stay_fits": "Żaden termin nie pasuje do miejsca i jednostki",
    "no_capacity": "Żadna jednostka nie może tam nikogo zbadać",
    "visits_used_up": "Wykorzystano dozwoloną liczbę postojów",
    "contract_used_up": "Wyczerpany limit umowy",
    "no_unit_days_left": "Zabrakło dni pracy jednostek",
    "no_drive_fits": "Żadna jednostka nie zdąży dojechać",
    "not_worth_the_way": "Za mało kobiet w stosunku do drogi",
    "still_possible": "Postój jest możliwy",
}
"""What every code of `planning.reasons` means, in short."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Places that one programme does not reach for the same cause; `reason` is empty unless it is the same of all."""

    title: str
    programme: Programme | None
    reason: str
    entries: Sequence[Unserved]


def by_reason(left_out: Iterable[Unserved], names: Mapping[Key, str]) -> list[LeftOut]:
    """The groups, the largest first, in each the places by their names."""
    groups: dict[tuple[str, Programme | None], list[Unserved]] = {}
    for each in sorted(left_out, key=lambda each: alphabetical(names.get(each.site_id, ""))):
        groups.setdefault((each.code, each.programme), []).append(each)
    made = [_group(entries) for entries in groups.values()]
    return sorted(made, key=lambda group: -len(group.entries))


def _group(entries: Sequence[Unserved]) -> LeftOut:
    first = entries[0]
    same = all(each.reason_pl == first.reason_pl for each in entries)
    return LeftOut(TITLES.get(first.code, "Inny powód"), first.programme, first.reason_pl if same else "", entries)
