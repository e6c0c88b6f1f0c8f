"""The form that asks for a plan: what it shows first, and the command that it makes."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from dateutil.relativedelta import relativedelta
from werkzeug.datastructures import MultiDict

from mobile_units.errors import DomainError
from mobile_units.models.sites import Site
from mobile_units.models.units import MobileUnit
from mobile_units.planning.problem import Weights
from mobile_units.rules.calendar import quarter_from
from mobile_units.services.planning import PlanRequest
from mobile_units.services.planning_jobs import NewJob
from mobile_units.services.what_if import OtherUnit, WhatIf
from routes.pages import fields
from routes.pages.words import QUARTERS, decimal

Form = MultiDict[str, str]

NAME_LETTERS = 200
LONGEST_SEARCH = 600
"""Seconds."""
LARGEST_SEED = 2**31 - 1
FEW_UNITS = 10


@dataclass(frozen=True, slots=True)
class WeightField:
    """A weight as the form asks for it: its name there, what it says, and what it may be at the most."""

    name: str
    label: str
    note: str
    most: float
    above_zero: bool = False


WEIGHTS = (
    WeightField("km_per_woman", "Kilometry za kobietę", "o tyle dalej warto jechać po jedną", 10_000,
                above_zero=True),
    WeightField("crew_km_share", "Kilometr zespołu", "ile kilometra jednostki znaczy kilometr samochodem zespołu", 100),
    WeightField("women_per_uneven_day", "Dzień nierówności", "ile kobiet kosztuje dzień nierównego obciążenia", 10_000),
)  # fmt: skip


def next_quarter(today: date) -> tuple[date, date]:
    """First and last day of the calendar quarter after that of `today`."""
    begun = date(today.year, 3 * ((today.month - 1) // 3) + 1, 1)
    return quarter_from(begun + relativedelta(months=3))


def blank(today: date, units: int, weights: Weights) -> Form:
    """The form for all units and sites in the next quarter, by the weights of the provider."""
    first_day, last_day = next_quarter(today)
    name = f"{QUARTERS[(first_day.month - 1) // 3]} kwartał {first_day.year}"
    seconds = 10 if units <= FEW_UNITS else 60
    return _filled(PlanRequest(name=name, first_day=first_day, last_day=last_day, seconds=seconds), weights)


def of_job(job: NewJob, weights: Weights) -> Form:
    """The form as it was when the job was asked for."""
    form = _filled(job.plan, job.plan.weights or weights)
    if job.what_if is None:
        return form
    form.setlist("left_out", [str(key) for key in job.what_if.left_out])
    for other in job.what_if.units:
        if other.added_as is not None:
            form["like"], form["added_as"] = str(other.unit_id), other.added_as
        elif other.latitude is not None:
            form["moved"] = str(other.unit_id)
    return form


def anew(form: Form, itinerary_id: int, name: str, first_day: date, last_day: date) -> Form:
    """The form for planning an itinerary anew."""
    form["itinerary_id"], form["name"] = str(itinerary_id), name
    form["first_day"], form["last_day"] = first_day.isoformat(), last_day.isoformat()
    return form


def _filled(request: PlanRequest, weights: Weights) -> Form:
    form: Form = MultiDict(
        {
            "name": request.name,
            "first_day": request.first_day.isoformat(),
            "last_day": request.last_day.isoformat(),
            "seconds": decimal(request.seconds),
            "seed": str(request.seed),
            "itinerary_id": str(request.itinerary_id or ""),
            "which_units": "some" if request.unit_ids else "all",
            "which_sites": "some" if request.site_ids else "all",
        }
    )
    form.setlist("units", [str(key) for key in request.unit_ids])
    form.setlist("sites", [str(key) for key in request.site_ids])
    for weight in WEIGHTS:
        form[weight.name] = decimal(getattr(weights, weight.name))
    return form


def read(form: Form, usual: Weights, sites: Mapping[int, Site], units: Mapping[int, MobileUnit]) -> NewJob:
    """The command; weights that are the usual ones are not part of it.

    Raises:
        DomainError: `invalid_input`, a field cannot be read.
    """
    weights = Weights(**{each.name: _weight(form, each) for each in WEIGHTS})
    request = PlanRequest(
        name=fields.line(form, "name", "nazwa", NAME_LETTERS),
        first_day=fields.day(form, "first_day", "pierwszy dzień"),
        last_day=fields.day(form, "last_day", "ostatni dzień"),
        unit_ids=_chosen(form, "units", "which_units", "jednostki"),
        site_ids=_chosen(form, "sites", "which_sites", "miejsca"),
        itinerary_id=fields.whole_if_any(form, "itinerary_id", "trasa", 1, fields.LARGEST_KEY),
        weights=None if weights == usual else weights,
        seconds=fields.whole(form, "seconds", "czas liczenia", 1, LONGEST_SEARCH),
        seed=fields.whole(form, "seed", "ziarno", 0, LARGEST_SEED),
    )
    return NewJob(plan=request, what_if=_what_if(form, sites, units))


def _chosen(form: Form, name: str, which: str, label: str) -> tuple[int, ...]:
    """The keys that were chosen; none of all.

    Raises:
        DomainError: `invalid_input`, some are wanted and none was chosen.
    """
    if form.get(which, "all") == "all":
        return ()
    keys = _keys(form.getlist(name), label)
    if not keys:
        raise DomainError("invalid_input", problem=f"{label} (wybierz co najmniej jedną pozycję albo wszystkie)")
    return keys


def _keys(texts: Iterable[str], label: str) -> tuple[int, ...]:
    return tuple(sorted({fields.whole({"key": text}, "key", label) for text in texts}))


def _weight(form: Form, field: WeightField) -> float:
    text = form.get(field.name, "").strip().replace(",", ".")
    number = float(text) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text, re.ASCII) else -1.0
    if not 0 <= number <= field.most or (field.above_zero and number == 0):
        least = "większa niż 0" if field.above_zero else "od 0"
        raise DomainError("invalid_input", problem=f"{field.label} (liczba {least} do {decimal(field.most)})")
    return number


def _what_if(form: Form, sites: Mapping[int, Site], units: Mapping[int, MobileUnit]) -> WhatIf | None:
    """What is supposed, if anything is."""
    left_out = _keys(form.getlist("left_out"), "pominięta jednostka")
    supposed = [*_moved(form, sites, units), *_added(form)]
    return WhatIf(units=tuple(supposed), left_out=left_out) if supposed or left_out else None


def _added(form: Form) -> Iterable[OtherUnit]:
    like = fields.whole_if_any(form, "like", "dodatkowa jednostka", 1, fields.LARGEST_KEY)
    if like is not None:
        yield OtherUnit(
            unit_id=like, added_as=fields.line(form, "added_as", "nazwa dodatkowej jednostki", NAME_LETTERS)
        )


def _moved(form: Form, sites: Mapping[int, Site], units: Mapping[int, MobileUnit]) -> Iterable[OtherUnit]:
    """A unit with its base at one of the sites.

    Raises:
        DomainError: `invalid_input`, only one of unit and site was chosen, or one that is not there.
    """
    unit_id = fields.whole_if_any(form, "moved", "jednostka z inną bazą", 1, fields.LARGEST_KEY)
    site_id = fields.whole_if_any(form, "moved_to", "miejsce innej bazy", 1, fields.LARGEST_KEY)
    if unit_id is None and site_id is None:
        return
    unit, site = units.get(unit_id or 0), sites.get(site_id or 0)
    if unit is None or site is None:
        raise DomainError("invalid_input", problem="inna baza (wybierz jednostkę i miejsce)")
    yield OtherUnit(unit_id=unit.id, latitude=site.latitude, longitude=site.longitude)


def supposed_words(asked: NewJob, names: Mapping[int, str]) -> list[str]:
    """What is supposed in a job, in the sentences of a list; `names` are those of the units."""
    what_if = asked.what_if or WhatIf()
    told = [_supposed(other, names.get(other.unit_id, str(other.unit_id))) for other in what_if.units]
    told += [f"bez jednostki {names.get(key, key)}" for key in what_if.left_out]
    for weights in (asked.plan.weights, what_if.weights):
        if weights is not None:
            values = (f"{each.label.lower()}: {decimal(getattr(weights, each.name))}" for each in WEIGHTS)
            told.append(f"inne wagi ({', '.join(values)})")
    return told


def _supposed(other: OtherUnit, name: str) -> str:
    if other.added_as is not None:
        return f"dodatkowa jednostka „{other.added_as}”, taka jak {name}"
    return f"{name} z inną bazą" if other.latitude is not None else f"{name} inna, niż jest"
