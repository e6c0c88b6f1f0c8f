"""Who may be screened on a day: effective-dated rules and exclusions as data, and the assessment of a woman.

A rule row opens a path to an age, counted by year of birth, and may make it wait `interval_months` after an earlier
examination on `after_path`. A woman is eligible when no exclusion applies to her, a row opens the path to her age and
every wait is over; the last examination on each path counts, if it was before the day asked about. Where several rows
name the same earlier path, the shortest wait that applies to her holds, which is how risk groups come sooner.

The default rows say what public sources state. Their `valid_from`, the first of January after the journal's year, is
the day from which we hold the rule, not the day on which the act came into force. A row that no source states is
not `confirmed`, and an assessment that used it says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from dateutil.relativedelta import relativedelta

from mobile_units.rules.calendar import in_force
from mobile_units.rules.programmes import Path, Programme


@dataclass(frozen=True, slots=True)
class EligibilityRule:
    """One row: on `path`, at the ages `age_from` to `age_to` (both included), after the wait if there is one.

    `after_path` None means that the row sets no wait, and `interval_months` is then 0. `risk_group` None means all
    women. `valid_to` is the last day, None being open. `id` is None for a row that is not stored.
    """

    id: int | None
    programme: Programme
    path: Path
    age_from: int
    age_to: int
    after_path: Path | None
    interval_months: int
    risk_group: str | None
    valid_from: date
    valid_to: date | None
    legal_source: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A circumstance that keeps a woman out of a programme."""

    code: str
    programme: Programme
    name_pl: str
    name_en: str
    legal_source: str
    valid_from: date
    valid_to: date | None


class ExaminationSource(StrEnum):
    """How an earlier examination is known: told by the woman, or recorded as a visit here."""

    DECLARED = "declared"
    VISIT = "visit"


@dataclass(frozen=True, slots=True)
class PastExamination:
    """An examination made earlier within a programme."""

    path: Path
    performed_on: date
    source: ExaminationSource


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the rules ask about a woman; `risk_groups` and `exclusions` hold codes."""

    birth_date: date
    risk_groups: frozenset[str] = frozenset()
    exclusions: frozenset[str] = frozenset()
    examinations: tuple[PastExamination, ...] = ()


class AssessmentCode(StrEnum):
    """The outcome of an assessment."""

    ELIGIBLE = "eligible"
    TOO_YOUNG = "too_young"
    TOO_OLD = "too_old"
    EXCLUDED = "excluded"
    INTERVAL_NOT_ELAPSED = "interval_not_elapsed"
    NO_RULE = "no_rule"


@dataclass(frozen=True, slots=True)
class Assessment:
    """The outcome with its reason.

    `next_eligible_on` is the first later day on which the same facts make her eligible, None when she is eligible now
    or no such day is known. `rule_id` and `legal_source` belong to the row that decided; `confirmed` is False when an
    unconfirmed row was used.
    """

    eligible: bool
    code: AssessmentCode
    reason_pl: str
    reason_en: str
    legal_source: str | None
    rule_id: int | None
    next_eligible_on: date | None
    confirmed: bool


@dataclass(frozen=True, slots=True)
class _Wait:
    """An earlier examination, the row that makes her wait after it, and the first day after the wait."""

    examination: PastExamination
    rule: EligibilityRule
    over_on: date


def assess(
    candidate: Candidate, path: Path, on: date, rules: Iterable[EligibilityRule], exclusions: Iterable[Exclusion]
) -> Assessment:
    """Whether the candidate may be screened on `path` on the day `on`, and if not, why and from when."""
    rules, exclusions = tuple(rules), tuple(exclusions)
    finding = later = _assess_on(candidate, path, on, rules, exclusions)
    day = finding.next_eligible_on
    while day is not None and not later.eligible:
        later = _assess_on(candidate, path, day, rules, exclusions)
        day = day if later.eligible else later.next_eligible_on
    return replace(finding, next_eligible_on=day)


def _assess_on(
    candidate: Candidate, path: Path, on: date, rules: Sequence[EligibilityRule], exclusions: Sequence[Exclusion]
) -> Assessment:
    """The assessment of one day; `next_eligible_on` is only the day on which the obstacle found here ends."""
    rows = _rows_for(candidate, path, on, rules)
    if not rows:
        return _no_rule(path)
    exclusion = _exclusion_of(candidate, path.programme, on, exclusions)
    if exclusion is not None:
        return _excluded(exclusion)
    age = on.year - candidate.birth_date.year
    of_age = [row for row in rows if row.age_from <= age <= row.age_to]
    if not of_age:
        return _wrong_age(candidate.birth_date.year, age, rows)
    return _after_waits(of_age, _waits(candidate, on, of_age), on)


def _rows_for(candidate: Candidate, path: Path, on: date, rules: Sequence[EligibilityRule]) -> list[EligibilityRule]:
    return [
        row
        for row in rules
        if row.path == path
        and in_force(row.valid_from, row.valid_to, on)
        and (row.risk_group is None or row.risk_group in candidate.risk_groups)
    ]


def _exclusion_of(
    candidate: Candidate, programme: Programme, on: date, exclusions: Sequence[Exclusion]
) -> Exclusion | None:
    applying = (
        exclusion
        for exclusion in exclusions
        if exclusion.code in candidate.exclusions
        and exclusion.programme == programme
        and in_force(exclusion.valid_from, exclusion.valid_to, on)
    )
    return next(applying, None)


def _waits(candidate: Candidate, on: date, rows: Sequence[EligibilityRule]) -> list[_Wait]:
    last = {e.path: e for e in sorted(candidate.examinations, key=lambda e: e.performed_on) if e.performed_on < on}
    return [_wait_after(last[path], rows) for path in Path if path in last and any(r.after_path == path for r in rows)]


def _wait_after(examination: PastExamination, rows: Sequence[EligibilityRule]) -> _Wait:
    row = min((r for r in rows if r.after_path == examination.path), key=lambda r: (r.interval_months, _rank(r)))
    return _Wait(examination, row, examination.performed_on + relativedelta(months=row.interval_months))


def _after_waits(of_age: Sequence[EligibilityRule], waits: Sequence[_Wait], on: date) -> Assessment:
    longest = max(waits, key=lambda wait: wait.over_on, default=None)
    if longest is not None and on < longest.over_on:
        return _interval_not_elapsed(longest)
    row = longest.rule if longest is not None else min(of_age, key=_rank)
    return _eligible(row, confirmed=row.confirmed and all(wait.rule.confirmed for wait in waits))


def _rank(row: EligibilityRule) -> tuple[bool, bool, int]:
    """Which of several rows that say the same is cited: confirmed first, then for all women, then the lowest id."""
    return not row.confirmed, row.risk_group is not None, row.id or 0


def _eligible(row: EligibilityRule, *, confirmed: bool) -> Assessment:
    return _from_row(
        row,
        AssessmentCode.ELIGIBLE,
        f"Może skorzystać z badania: {row.path.name_pl}.",
        f"May be examined: {row.path.name_en}.",
        confirmed=confirmed,
    )


def _interval_not_elapsed(wait: _Wait) -> Assessment:
    examination, months = wait.examination, wait.rule.interval_months
    told_pl, told_en = _TOLD[examination.source]
    return _from_row(
        wait.rule,
        AssessmentCode.INTERVAL_NOT_ELAPSED,
        f"Odstęp {months} mies. po badaniu „{examination.path.name_pl}” z {examination.performed_on:%d.%m.%Y}"
        f" ({told_pl}) mija {wait.over_on:%d.%m.%Y}.",
        f"The interval of {months} months after {examination.path.name_en} on {examination.performed_on}"
        f" ({told_en}) ends on {wait.over_on}.",
        until=wait.over_on,
        confirmed=wait.rule.confirmed,
    )


def _wrong_age(birth_year: int, age: int, rows: Sequence[EligibilityRule]) -> Assessment:
    to_come = [row for row in rows if row.age_from > age]
    if to_come:
        return _too_young(birth_year, min(to_come, key=lambda row: (row.age_from, _rank(row))))
    row = min(rows, key=lambda row: (-row.age_to, _rank(row)))
    return _from_row(
        row,
        AssessmentCode.TOO_OLD,
        f"Górna granica wieku to {row.age_to} lat, liczone według roku urodzenia.",
        f"The upper age limit is {row.age_to}, counted by year of birth.",
        confirmed=row.confirmed,
    )


def _too_young(birth_year: int, row: EligibilityRule) -> Assessment:
    return _from_row(
        row,
        AssessmentCode.TOO_YOUNG,
        f"Dolna granica wieku to {row.age_from} lat, liczone według roku urodzenia.",
        f"The lower age limit is {row.age_from}, counted by year of birth.",
        until=date(birth_year + row.age_from, 1, 1),
        confirmed=row.confirmed,
    )


def _excluded(exclusion: Exclusion) -> Assessment:
    return Assessment(
        eligible=False,
        code=AssessmentCode.EXCLUDED,
        reason_pl=f"Program nie obejmuje osoby w sytuacji: {exclusion.name_pl}.",
        reason_en=f"The programme does not cover a woman who is in this situation: {exclusion.name_en}.",
        legal_source=exclusion.legal_source,
        rule_id=None,
        next_eligible_on=None,
        confirmed=True,
    )


def _no_rule(path: Path) -> Assessment:
    return Assessment(
        eligible=False,
        code=AssessmentCode.NO_RULE,
        reason_pl=f"Brak reguły obowiązującej w tym dniu dla badania: {path.name_pl}.",
        reason_en=f"No rule is in force on this day for: {path.name_en}.",
        legal_source=None,
        rule_id=None,
        next_eligible_on=None,
        confirmed=True,
    )


def _from_row(  # noqa: PLR0913 - one place that turns a row into an assessment
    row: EligibilityRule,
    code: AssessmentCode,
    reason_pl: str,
    reason_en: str,
    *,
    confirmed: bool,
    until: date | None = None,
) -> Assessment:
    doubt_pl, doubt_en = ("", "") if confirmed else _DOUBT
    return Assessment(
        eligible=code is AssessmentCode.ELIGIBLE,
        code=code,
        reason_pl=reason_pl + doubt_pl,
        reason_en=reason_en + doubt_en,
        legal_source=row.legal_source,
        rule_id=row.id,
        next_eligible_on=until,
        confirmed=confirmed,
    )


_TOLD = {
    ExaminationSource.DECLARED: ("według oświadczenia", "as declared"),
    ExaminationSource.VISIT: ("według wizyty", "recorded visit"),
}
_DOUBT = (
    " Ta ocena opiera się na regule do potwierdzenia, której nie podają nasze źródła.",
    " This assessment rests on a rule to be confirmed, which our sources do not state.",
)

_BREAST_LAW = "Dz.U. 2023 poz. 2167"
_CERVICAL_LAW = "Dz.U. 2025 poz. 298"
_HPV_LAW = "Dz.U. 2025 poz. 298; zarządzenie Prezesa NFZ 36/2025/DSOZ"
_BREAST_FROM = date(2024, 1, 1)
_CERVICAL_FROM = date(2026, 1, 1)

AFTER_BREAST_CANCER_TREATMENT = "after_breast_cancer_treatment"
CERVICAL_RISK_GROUPS = ("hiv", "immunosuppression", "hpv_high_risk_infection")

RISK_GROUP_NAMES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        AFTER_BREAST_CANCER_TREATMENT: ("po leczeniu raka piersi", "after breast-cancer treatment"),
        "hiv": ("zakażenie HIV", "HIV infection"),
        "immunosuppression": ("leczenie immunosupresyjne", "immunosuppression"),
        "hpv_high_risk_infection": ("zakażenie HPV wysokiego ryzyka", "high-risk HPV infection"),
    }
)
"""Polish and English names of the risk groups that the default rules know."""


def _mammography(interval_months: int, risk_group: str | None) -> EligibilityRule:
    return EligibilityRule(
        id=None,
        programme=Programme.BREAST,
        path=Path.MAMMOGRAPHY,
        age_from=45,
        age_to=74,
        after_path=Path.MAMMOGRAPHY,
        interval_months=interval_months,
        risk_group=risk_group,
        valid_from=_BREAST_FROM,
        valid_to=None,
        legal_source=_BREAST_LAW,
        confirmed=True,
    )


def _cervical(path: Path, after_path: Path, interval_months: int, risk_group: str | None = None) -> EligibilityRule:
    return EligibilityRule(
        id=None,
        programme=Programme.CERVICAL,
        path=path,
        age_from=25,
        age_to=64,
        after_path=after_path,
        interval_months=interval_months,
        risk_group=risk_group,
        valid_from=_CERVICAL_FROM,
        valid_to=None,
        legal_source=_HPV_LAW if path is Path.HPV_LBC else _CERVICAL_LAW,
        confirmed=True,
    )


DEFAULT_RULES: tuple[EligibilityRule, ...] = (
    _mammography(24, None),
    _mammography(12, AFTER_BREAST_CANCER_TREATMENT),
    _cervical(Path.CLASSIC_CYTOLOGY, Path.CLASSIC_CYTOLOGY, 36),
    *(_cervical(Path.CLASSIC_CYTOLOGY, Path.CLASSIC_CYTOLOGY, 12, group) for group in CERVICAL_RISK_GROUPS),
    _cervical(Path.HPV_LBC, Path.HPV_LBC, 60),
    _cervical(Path.HPV_LBC, Path.CLASSIC_CYTOLOGY, 36),
    *(_cervical(Path.HPV_LBC, Path.CLASSIC_CYTOLOGY, 12, group) for group in CERVICAL_RISK_GROUPS),
    replace(
        _cervical(Path.CLASSIC_CYTOLOGY, Path.HPV_LBC, 60),
        legal_source="do potwierdzenia: źródła nie podają odstępu cytologii po teście HPV",
        confirmed=False,
    ),
)

DEFAULT_EXCLUSIONS: tuple[Exclusion, ...] = (
    Exclusion(
        code="breast_high_risk_family_care",
        programme=Programme.BREAST,
        name_pl="opieka nad rodzinami wysokiego ryzyka, etap nadzoru",
        name_en="high-risk family care, surveillance stage",
        legal_source=_BREAST_LAW,
        valid_from=_BREAST_FROM,
        valid_to=None,
    ),
    Exclusion(
        code="breast_comprehensive_oncological_care",
        programme=Programme.BREAST,
        name_pl="kompleksowa opieka onkologiczna z powodu raka piersi",
        name_en="comprehensive oncological care for breast cancer",
        legal_source=_BREAST_LAW,
        valid_from=_BREAST_FROM,
        valid_to=None,
    ),
    Exclusion(
        code="cervical_malignancy",
        programme=Programme.CERVICAL,
        name_pl="nowotwór złośliwy szyjki macicy, do zakończenia kontroli onkologicznej",
        name_en="cervical malignancy, until released from oncological control",
        legal_source=_CERVICAL_LAW,
        valid_from=_CERVICAL_FROM,
        valid_to=None,
    ),
)
