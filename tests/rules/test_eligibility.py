"""Who may be screened, by the default rules; the dates were worked out by hand."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.rules.eligibility import (
    AFTER_BREAST_CANCER_TREATMENT,
    CERVICAL_RISK_GROUPS,
    DEFAULT_EXCLUSIONS,
    DEFAULT_RULES,
    RISK_GROUP_NAMES,
    Assessment,
    Candidate,
    EligibilityRule,
    ExaminationSource,
    PastExamination,
    assess,
)
from mobile_units.rules.programmes import Path

DAY = date(2026, 9, 7)
MAMMOGRAPHY, CYTOLOGY, HPV = Path.MAMMOGRAPHY, Path.CLASSIC_CYTOLOGY, Path.HPV_LBC


def done(path: Path, performed_on: date, source: ExaminationSource = ExaminationSource.VISIT) -> PastExamination:
    """An earlier examination."""
    return PastExamination(path, performed_on, source)


def woman(
    *examinations: PastExamination, born: date = date(1970, 6, 15), risk: str = "", excluded: str = ""
) -> Candidate:
    """A candidate, 56 in 2026 unless told otherwise; `risk` and `excluded` are codes separated by spaces."""
    return Candidate(born, frozenset(risk.split()), frozenset(excluded.split()), examinations)


def ask(candidate: Candidate, path: Path, on: date = DAY) -> Assessment:
    """The assessment by the default rules."""
    return assess(candidate, path, on, DEFAULT_RULES, DEFAULT_EXCLUSIONS)


@pytest.mark.parametrize(
    ("path", "born", "on", "code", "next_on"),
    [
        (MAMMOGRAPHY, date(1981, 12, 31), date(2026, 1, 1), "eligible", None),
        (MAMMOGRAPHY, date(1982, 1, 1), date(2026, 12, 31), "too_young", date(2027, 1, 1)),
        (MAMMOGRAPHY, date(1990, 5, 5), DAY, "too_young", date(2035, 1, 1)),
        (MAMMOGRAPHY, date(1952, 1, 1), date(2026, 12, 31), "eligible", None),
        (MAMMOGRAPHY, date(1951, 12, 31), date(2026, 1, 1), "too_old", None),
        (CYTOLOGY, date(2001, 12, 31), date(2026, 1, 1), "eligible", None),
        (CYTOLOGY, date(2002, 1, 1), date(2026, 12, 31), "too_young", date(2027, 1, 1)),
        (CYTOLOGY, date(1962, 1, 1), date(2026, 12, 31), "eligible", None),
        (CYTOLOGY, date(1961, 12, 31), date(2026, 1, 1), "too_old", None),
        (HPV, date(2001, 12, 31), date(2026, 1, 1), "eligible", None),
        (HPV, date(2004, 2, 29), DAY, "too_young", date(2029, 1, 1)),
        (HPV, date(1962, 1, 1), date(2026, 12, 31), "eligible", None),
        (HPV, date(1961, 12, 31), date(2026, 1, 1), "too_old", None),
    ],
)
def test_age_counts_by_year_of_birth(path: Path, born: date, on: date, code: str, next_on: date | None) -> None:
    """45 to 74 for mammography, 25 to 64 for both cervical paths, from 1 January to 31 December."""
    answer = ask(woman(born=born), path, on)
    assert (answer.code, answer.next_eligible_on) == (code, next_on)


@pytest.mark.parametrize(
    ("path", "earlier", "risk", "due"),
    [
        (MAMMOGRAPHY, done(MAMMOGRAPHY, date(2024, 9, 8)), "", date(2026, 9, 8)),
        (MAMMOGRAPHY, done(MAMMOGRAPHY, date(2025, 9, 8)), AFTER_BREAST_CANCER_TREATMENT, date(2026, 9, 8)),
        (MAMMOGRAPHY, done(MAMMOGRAPHY, date(2025, 9, 8)), "hiv", date(2027, 9, 8)),
        (MAMMOGRAPHY, done(MAMMOGRAPHY, date(2024, 2, 29)), "", date(2026, 2, 28)),
        (MAMMOGRAPHY, done(MAMMOGRAPHY, date(2026, 2, 28)), "", date(2028, 2, 28)),
        (CYTOLOGY, done(CYTOLOGY, date(2023, 9, 8)), "", date(2026, 9, 8)),
        (CYTOLOGY, done(CYTOLOGY, date(2025, 9, 8)), "hiv", date(2026, 9, 8)),
        (CYTOLOGY, done(CYTOLOGY, date(2025, 9, 8)), "immunosuppression", date(2026, 9, 8)),
        (CYTOLOGY, done(CYTOLOGY, date(2025, 9, 8)), "hpv_high_risk_infection", date(2026, 9, 8)),
        (CYTOLOGY, done(CYTOLOGY, date(2025, 9, 8)), AFTER_BREAST_CANCER_TREATMENT, date(2028, 9, 8)),
        (HPV, done(HPV, date(2022, 1, 10)), "", date(2027, 1, 10)),
        (HPV, done(HPV, date(2022, 1, 10)), "hiv", date(2027, 1, 10)),
        (HPV, done(CYTOLOGY, date(2024, 12, 31)), "", date(2027, 12, 31)),
        (HPV, done(CYTOLOGY, date(2025, 12, 31)), "hiv immunosuppression", date(2026, 12, 31)),
    ],
)
def test_she_waits_until_the_interval_is_over(path: Path, earlier: PastExamination, risk: str, due: date) -> None:
    """Refused to the day before, with the day named; eligible on that day."""
    candidate = woman(earlier, risk=risk)
    day_before = ask(candidate, path, due - timedelta(days=1))
    assert (day_before.code, day_before.next_eligible_on) == ("interval_not_elapsed", due)
    assert (day_before.eligible, day_before.confirmed) == (False, True)
    assert f"{due:%d.%m.%Y}" in day_before.reason_pl
    assert f"{due}" in day_before.reason_en
    assert ask(candidate, path, due).code == "eligible"


def test_the_last_examination_on_a_path_counts() -> None:
    """An older one and the order in which they are listed make no difference."""
    candidate = woman(done(MAMMOGRAPHY, date(2025, 3, 1)), done(MAMMOGRAPHY, date(2021, 3, 1)))
    assert ask(candidate, MAMMOGRAPHY).next_eligible_on == date(2027, 3, 1)


def test_the_longest_wait_counts() -> None:
    """After cytology in 2022 and an HPV test in 2023 the next HPV test waits for the test, not for the cytology."""
    candidate = woman(done(CYTOLOGY, date(2022, 5, 1)), done(HPV, date(2023, 5, 1)))
    answer = ask(candidate, HPV)
    assert answer.next_eligible_on == date(2028, 5, 1)
    assert "60" in answer.reason_pl


@pytest.mark.parametrize("performed_on", [DAY, DAY + timedelta(days=30)])
def test_only_examinations_before_the_day_count(performed_on: date) -> None:
    """What happens on the day itself or later does not make her ineligible on it."""
    assert ask(woman(done(MAMMOGRAPHY, performed_on)), MAMMOGRAPHY).eligible


def test_programmes_do_not_disturb_each_other() -> None:
    """Mammography last month says nothing about cytology."""
    assert ask(woman(done(MAMMOGRAPHY, date(2026, 8, 1))), CYTOLOGY).eligible


def test_a_declared_examination_counts_and_is_called_so() -> None:
    """Staff see whether the date comes from the woman or from a visit."""
    examination = done(CYTOLOGY, date(2026, 1, 5), ExaminationSource.DECLARED)
    declared, recorded = ask(woman(examination), CYTOLOGY), ask(woman(done(CYTOLOGY, date(2026, 1, 5))), CYTOLOGY)
    assert declared.next_eligible_on == recorded.next_eligible_on == date(2029, 1, 5)
    assert "według oświadczenia" in declared.reason_pl
    assert "według wizyty" in recorded.reason_pl


@pytest.mark.parametrize(
    ("excluded", "path", "code"),
    [
        ("breast_high_risk_family_care", MAMMOGRAPHY, "excluded"),
        ("breast_comprehensive_oncological_care", MAMMOGRAPHY, "excluded"),
        ("cervical_malignancy", CYTOLOGY, "excluded"),
        ("cervical_malignancy", HPV, "excluded"),
        ("cervical_malignancy", MAMMOGRAPHY, "eligible"),
        ("breast_high_risk_family_care", CYTOLOGY, "eligible"),
        ("something_else", CYTOLOGY, "eligible"),
    ],
)
def test_exclusions_hold_in_their_programme(excluded: str, path: Path, code: str) -> None:
    """An excluded woman gets the reason and its source, and no date."""
    answer = ask(woman(excluded=excluded), path)
    assert (answer.code, answer.next_eligible_on) == (code, None)
    if code == "excluded":
        known = {exclusion.code: exclusion for exclusion in DEFAULT_EXCLUSIONS}[excluded]
        assert known.name_pl in answer.reason_pl
        assert known.name_en in answer.reason_en
        assert answer.legal_source == known.legal_source


def test_an_exclusion_holds_only_while_it_is_valid() -> None:
    """An exclusion that ended the day before says nothing."""
    ended = tuple(replace(exclusion, valid_to=DAY - timedelta(days=1)) for exclusion in DEFAULT_EXCLUSIONS)
    candidate = woman(excluded="cervical_malignancy")
    assert assess(candidate, CYTOLOGY, DAY, DEFAULT_RULES, ended).eligible


def test_there_is_no_rule_before_the_day_from_which_we_hold_it() -> None:
    """Cervical rules are held from 1 January 2026, the breast rules from 1 January 2024."""
    assert ask(woman(), CYTOLOGY, date(2025, 12, 31)).code == "no_rule"
    assert ask(woman(), MAMMOGRAPHY, date(2025, 12, 31)).code == "eligible"
    assert ask(woman(), MAMMOGRAPHY, date(2023, 12, 31)).code == "no_rule"


def test_a_new_version_of_a_rule_takes_over_on_its_day() -> None:
    """The interval of the row valid on the day asked about is used, and its identifier is returned."""
    old = replace(DEFAULT_RULES[0], id=1, valid_to=date(2026, 12, 31))
    new = replace(DEFAULT_RULES[0], id=2, valid_from=date(2027, 1, 1), interval_months=12)
    candidate = woman(done(MAMMOGRAPHY, date(2025, 10, 1)))
    before = assess(candidate, MAMMOGRAPHY, date(2026, 12, 31), (old, new), ())
    assert (before.code, before.rule_id) == ("interval_not_elapsed", 1)
    after = assess(candidate, MAMMOGRAPHY, date(2027, 1, 1), (old, new), ())
    assert (after.code, after.rule_id) == ("eligible", 2)


def test_no_date_is_promised_when_she_will_be_too_old_by_then() -> None:
    """Born in 1952 and examined in 2025, she is past the age when the interval ends in 2027."""
    answer = ask(woman(done(MAMMOGRAPHY, date(2025, 6, 1)), born=date(1952, 3, 3)), MAMMOGRAPHY)
    assert (answer.code, answer.next_eligible_on) == ("interval_not_elapsed", None)


def test_the_date_promised_to_the_too_young_respects_their_interval() -> None:
    """Born in 2002 and examined privately in 2025, she is of age in 2027 but waits until May 2028."""
    answer = ask(woman(done(CYTOLOGY, date(2025, 5, 4)), born=date(2002, 7, 7)), CYTOLOGY)
    assert (answer.code, answer.next_eligible_on) == ("too_young", date(2028, 5, 4))


def test_cytology_after_an_hpv_test_is_to_be_confirmed() -> None:
    """No source states this interval: the answer says so in both languages, before and after the interval."""
    candidate = woman(done(HPV, date(2023, 9, 8)))
    waiting, over = ask(candidate, CYTOLOGY), ask(candidate, CYTOLOGY, date(2028, 9, 8))
    assert (waiting.code, waiting.next_eligible_on) == ("interval_not_elapsed", date(2028, 9, 8))
    assert over.code == "eligible"
    for answer in (waiting, over):
        assert not answer.confirmed
        assert "do potwierdzenia" in answer.reason_pl
        assert "to be confirmed" in answer.reason_en


def test_an_unconfirmed_wait_makes_the_answer_unconfirmed_even_when_another_was_longer() -> None:
    """The HPV test of 2019 might, for all we know, still keep her waiting."""
    candidate = woman(done(HPV, date(2019, 1, 1)), done(CYTOLOGY, date(2022, 6, 1)))
    answer = ask(candidate, CYTOLOGY)
    assert (answer.eligible, answer.confirmed) == (True, False)


def test_a_row_without_a_wait_opens_the_path_by_age_alone() -> None:
    """Such a row does not look at earlier examinations."""
    row = replace(DEFAULT_RULES[0], after_path=None, interval_months=0)
    candidate = woman(done(MAMMOGRAPHY, DAY - timedelta(days=1)))
    assert assess(candidate, MAMMOGRAPHY, DAY, (row,), ()).eligible


def test_a_row_for_a_risk_group_alone_opens_nothing_to_others() -> None:
    """Women outside the group have no rule on that path."""
    row = replace(DEFAULT_RULES[0], risk_group="carriers", age_from=30)
    young = date(1995, 1, 1)
    assert assess(woman(born=young, risk="carriers"), MAMMOGRAPHY, DAY, (row,), ()).eligible
    assert assess(woman(born=young), MAMMOGRAPHY, DAY, (row,), ()).code == "no_rule"


def test_every_answer_names_its_source() -> None:
    """The rule that decided is cited, with the journal and number."""
    assert ask(woman(), MAMMOGRAPHY).legal_source == "Dz.U. 2023 poz. 2167"
    assert ask(woman(), CYTOLOGY).legal_source == "Dz.U. 2025 poz. 298"
    assert "36/2025/DSOZ" in (ask(woman(), HPV).legal_source or "")


def test_the_default_rows_are_consistent() -> None:
    """Each row belongs to the programme of its path, and every risk group has its names."""
    assert all(row.programme is row.path.programme and row.age_from < row.age_to for row in DEFAULT_RULES)
    assert {row.risk_group for row in DEFAULT_RULES} - {None} == set(RISK_GROUP_NAMES)
    assert set(CERVICAL_RISK_GROUPS) < set(RISK_GROUP_NAMES)
    assert [row.path for row in DEFAULT_RULES if not row.confirmed] == [CYTOLOGY]


candidates = st.builds(
    Candidate,
    birth_date=st.dates(date(1945, 1, 1), date(2008, 12, 31)),
    risk_groups=st.frozensets(st.sampled_from(sorted(RISK_GROUP_NAMES))),
    examinations=st.lists(
        st.builds(
            PastExamination,
            st.sampled_from(Path),
            st.dates(date(2018, 1, 1), date(2026, 12, 31)),
            st.sampled_from(ExaminationSource),
        ),
        max_size=4,
    ).map(tuple),
)


@given(candidates, st.sampled_from(Path))
def test_the_next_eligible_day_is_eligible_and_the_first(candidate: Candidate, path: Path) -> None:
    """Neither the promised day nor the day before it is a mistake."""
    answer = ask(candidate, path)
    if answer.next_eligible_on is None:
        assert answer.eligible or not ask(candidate, path, DAY + timedelta(days=3653)).eligible
        return
    assert answer.next_eligible_on > DAY
    assert ask(candidate, path, answer.next_eligible_on).eligible
    assert not ask(candidate, path, answer.next_eligible_on - timedelta(days=1)).eligible


STORED_RULES = [replace(row, id=number) for number, row in enumerate(DEFAULT_RULES, start=1)]


@given(candidates, st.permutations(STORED_RULES))
def test_the_order_of_the_rows_does_not_matter(candidate: Candidate, rules: list[EligibilityRule]) -> None:
    """The database may return them in any order."""
    for path in Path:
        assert assess(candidate, path, DAY, rules, ()) == assess(candidate, path, DAY, STORED_RULES, ())
