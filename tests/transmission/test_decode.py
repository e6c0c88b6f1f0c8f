"""What the central system says about visits is read without loss, and what is odd is unreadable and in nobody's way."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import CancelledBy, ChangedBy, VisitStatus
from mobile_units.transmission.answers import UnreadableAnswerError
from mobile_units.transmission.decode import changes_page, refused_visits
from mobile_units.transmission.dialect import DEFAULT, Dialect
from mobile_units.transmission.encode import encode
from mobile_units.transmission.gateway import RefusedVisit
from mobile_units.transmission.messages import (
    CENTRAL_STATUSES,
    PESEL_ROOT,
    CentralChange,
    CentralVisit,
    ChangesPage,
    ObjectId,
    PatientData,
    PersonId,
    UnreadableChange,
    VisitData,
)
from tests.transmission import examples

NAMESPACE = "http://csioz.gov.pl/p1/cer/mt/v9"
OTHER = replace(
    DEFAULT,
    roots={**DEFAULT.roots, PESEL_ROOT: "1.2.3"},
    paths={path: f"P{number}" for number, path in enumerate(Path)},
)
AT = datetime(2026, 9, 1, 10, 30, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
identifiers = st.builds(ObjectId, st.sampled_from(["2.25", "1.3.6.1"]), texts)
people = st.one_of(
    st.builds(PersonId, st.just(PESEL_ROOT), st.from_regex(r"\d{11}", fullmatch=True)),
    st.builds(PersonId, st.just("2.16.840.1.113883.4.330.276"), texts, st.just("DE")),
)
patients = st.builds(
    PatientData,
    identifier=people,
    given_name=texts,
    family_name=texts,
    birth_date=st.dates(date(1900, 1, 1), date(2026, 1, 1)),
    telephone=st.none() | texts,
)
visits = st.builds(
    VisitData,
    message_id=identifiers,
    identifier=identifiers,
    slot=identifiers,
    patient=patients,
    product_code=texts,
    path=st.sampled_from(Path),
    urgent=st.booleans(),
    status=st.sampled_from(VisitStatus),
    cancelled_by=st.none() | st.sampled_from([CancelledBy.WOMAN, CancelledBy.PROVIDER]),
)


def element(name: str, value: Any) -> etree._Element:
    """An element with these arguments of a call as its content."""
    made = etree.Element(f"{{{NAMESPACE}}}{name}")
    if isinstance(value, dict):
        made.extend([element(child, content) for child, content in value.items() if content is not None])
    else:
        made.text = str(value).lower() if isinstance(value, bool) else str(value)
    return made


def change(visit: VisitData, dialect: Dialect = DEFAULT, at: str = "2026-09-01T12:30:00+02:00") -> etree._Element:
    """A changed visit as the contract tells it."""
    told = encode(visit, dialect).arguments["wizyta"]
    return element("zmiana", {"chwila": at, "zmienionaPrzez": "PACJENT", "wizyta": told})


def page(*changes: etree._Element, cursor: str = "17", more: str = "false") -> etree._Element:
    """An answer with these changes."""
    answer = etree.Element("{urn:ws}odpowiedz")
    etree.SubElement(etree.SubElement(answer, "wynik"), "major").text = "x:Sukces"
    answer.extend(changes)
    etree.SubElement(answer, "znacznik").text = cursor
    etree.SubElement(answer, "saNastepne").text = more
    return answer


def central(visit: VisitData) -> CentralVisit:
    """What the central system knows of a visit of ours."""
    return CentralVisit(
        identifier=visit.identifier,
        slot=visit.slot,
        patient=visit.patient,
        product_code=visit.product_code,
        path=visit.path,
        urgent=visit.urgent,
        status=CENTRAL_STATUSES[visit.status],
        cancelled_by=visit.cancelled_by,
    )


@given(st.lists(visits, max_size=3), st.sampled_from([DEFAULT, OTHER]))
def test_what_was_encoded_is_read_back(told: list[VisitData], dialect: Dialect) -> None:
    """Every visit, in every dialect; only what the central system does not tell apart is lost."""
    changes = tuple(CentralChange(at=AT, by=ChangedBy.WOMAN, visit=central(visit)) for visit in told)
    read = changes_page(page(*(change(visit, dialect) for visit in told)), dialect)
    assert read == ChangesPage(changes=changes, cursor="17", more=False)


VISIT = examples.visit(ObjectId("2.25", "1"))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-09-01T10:30:00Z", AT),
        ("2026-09-01T12:30:00.250+02:00", AT.replace(microsecond=250_000)),
        ("\n 2026-09-01T12:30:00+02:00 ", AT),
    ],
)
def test_an_instant_is_read_in_utc(said: str, meant: datetime) -> None:
    """Whatever offset it was told in."""
    read = changes_page(page(change(VISIT, at=said), more="1"), DEFAULT)
    assert [(each.at, each.at.tzinfo) for each in read.changes] == [(meant, UTC)]
    assert read.more


def test_a_day_may_carry_a_zone() -> None:
    """A schema allows it, and it changes nothing."""
    told = change(VISIT)
    (born,) = told.iter("{*}dataUrodzenia")
    born.text = "1970-01-01+01:00"
    (read,) = changes_page(page(told), DEFAULT).changes
    assert read.visit.patient.birth_date == date(1970, 1, 1)


def test_a_comment_does_not_cut_a_value() -> None:
    """What stands before and after it is the value."""
    told = change(VISIT)
    (name,) = told.iter("{*}nazwisko")
    name.text = "Zmyślona"
    comment = etree.Comment("x")
    comment.tail = "-Niebyła"
    name.append(comment)
    (read,) = changes_page(page(told), DEFAULT).changes
    assert read.visit.patient.family_name == "Zmyślona-Niebyła"


def set_text(name: str, text: str) -> Callable[[etree._Element], None]:
    """Changes the text of the first element of this name."""

    def change_text(answer: etree._Element) -> None:
        next(answer.iter(f"{{*}}{name}")).text = text

    return change_text


def remove(name: str) -> Callable[[etree._Element], None]:
    """Removes the first element of this name."""

    def change_answer(answer: etree._Element) -> None:
        found = next(answer.iter(f"{{*}}{name}"))
        parent = found.getparent()
        assert parent is not None
        parent.remove(found)

    return change_answer


def double(name: str) -> Callable[[etree._Element], None]:
    """Repeats the first element of this name."""

    def change_answer(answer: etree._Element) -> None:
        found = next(answer.iter(f"{{*}}{name}"))
        found.addnext(etree.fromstring(etree.tostring(found)))

    return change_answer


def fill(name: str) -> Callable[[etree._Element], None]:
    """Puts an element where a text should be."""

    def change_answer(answer: etree._Element) -> None:
        etree.SubElement(next(answer.iter(f"{{*}}{name}")), "x")

    return change_answer


NEEDED = [
    "chwila",
    "zmienionaPrzez",
    "wizyta",
    "identyfikator",
    "identyfikatorSlotu",
    "pacjent",
    "extension",
    "root",
    "imie",
    "nazwisko",
    "dataUrodzenia",
    "kodZakresu",
    "sciezka",
    "pilna",
    "status",
    "znacznik",
    "saNastepne",
]
TEXTS = sorted(set(NEEDED) - {"wizyta", "identyfikator", "identyfikatorSlotu", "pacjent"})
SECRET = "tajemnica"
ODD = [
    *((f"no {name}", remove(name)) for name in NEEDED),
    *((f"two {name}", double(name)) for name in [*NEEDED, "telefon"]),
    *((f"empty {name}", set_text(name, " ")) for name in TEXTS),
    *((f"filled {name}", fill(name)) for name in TEXTS),
    *(
        (f"odd {name}", set_text(name, SECRET))
        for name in ("chwila", "zmienionaPrzez", "dataUrodzenia", "sciezka", "pilna", "status", "saNastepne")
    ),
    ("an instant without a zone", set_text("chwila", "2026-09-01T12:30:00")),
    ("an instant that is no XML", set_text("chwila", "20260901T123000+0200")),
    ("an instant before time", set_text("chwila", "0001-01-01T00:00:00+14:00")),
    ("an impossible day", set_text("dataUrodzenia", "2026-02-30")),
    ("a day that is no XML", set_text("dataUrodzenia", "2026-W01-1")),
    ("a flag in another case", set_text("pilna", "True")),
]


FRAME = ("znacznik", "saNastepne")
IN_FRAME = {name: spoil for name, spoil in ODD if name.endswith(FRAME)}
IN_CHANGE = {name: spoil for name, spoil in ODD if name not in IN_FRAME}
SECRETS = {SECRET, examples.PESEL, examples.GIVEN_NAME, examples.FAMILY_NAME, "1970-01-01", "2026-"}
NEXT = examples.visit(ObjectId("2.25", "2"))


@pytest.mark.parametrize("spoil", IN_FRAME.values(), ids=IN_FRAME)
def test_an_odd_frame_makes_the_answer_unreadable(spoil: Callable[[etree._Element], None]) -> None:
    """It is told by the name of the element, and nothing of the answer is repeated."""
    answer = page(change(VISIT))
    spoil(answer)
    with pytest.raises(UnreadableAnswerError) as caught:
        changes_page(answer, DEFAULT)
    assert not [secret for secret in SECRETS if secret in str(caught.value)]
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("spoil", IN_CHANGE.values(), ids=IN_CHANGE)
def test_an_odd_change_is_in_nobodys_way(spoil: Callable[[etree._Element], None]) -> None:
    """The next one is read; of the odd one all is kept, and neither its problem nor its repr repeats anything."""
    answer = page(change(VISIT), change(NEXT))
    spoil(answer)
    read = changes_page(answer, DEFAULT)
    assert [each.visit for each in read.changes] == [central(NEXT)]
    assert (read.cursor, read.more) == ("17", False)
    (odd,) = read.unreadable
    told = next(answer.iter("{*}zmiana"))
    assert list(etree.fromstring(odd.xml).itertext()) == list(told.itertext())
    assert not [secret for secret in SECRETS if secret in odd.problem + repr(odd)]


def unreadable(*told: etree._Element, dialect: Dialect = DEFAULT) -> UnreadableChange:
    """The only change that cannot be read."""
    (odd,) = changes_page(page(*told), dialect).unreadable
    return odd


def test_a_code_of_another_dialect_is_not_guessed() -> None:
    """Which visit it is, when and by whom is told all the same."""
    odd = unreadable(change(VISIT), dialect=OTHER)
    assert "sciezka" in odd.problem
    assert (odd.identifier, odd.at, odd.by) == (VISIT.identifier, AT, ChangedBy.WOMAN)
    assert odd.name == odd.identifier


@pytest.mark.parametrize(
    ("name", "part"), [("identyfikator", "identifier"), ("chwila", "at"), ("zmienionaPrzez", "by")]
)
def test_what_cannot_be_read_is_not_told(name: str, part: str) -> None:
    """The name of the visit is then a stand-in that is the same each time, wherever in the answer the change stands."""
    told = change(VISIT)
    remove(name)(told)
    odd = unreadable(told)
    assert [each for each in ("identifier", "at", "by") if getattr(odd, each) is None] == [part]
    told.tail = " "
    again = unreadable(change(NEXT), told)
    assert (again.name, again.digest, again.xml) == (odd.name, odd.digest, odd.xml)
    assert (odd.name == ObjectId("", odd.digest)) == (part == "identifier")


def test_unreadable_changes_that_differ_are_told_apart() -> None:
    """By all that was told."""
    first, second = (unreadable(change(each), dialect=OTHER) for each in (VISIT, NEXT))
    assert first.digest != second.digest


def refused(**content: Any) -> etree._Element:
    """An answer to an initial load that names one visit as not accepted."""
    answer = etree.Element("{urn:ws}odpowiedz")
    answer.append(element("odrzuconaWizyta", content))
    return answer


IDENTIFIER = {"extension": "7", "root": "2.25"}


def test_refused_visits_are_named_with_their_rule() -> None:
    """Each by its identifier; what identifies a woman is masked."""
    told = refused(identyfikator=IDENTIFIER, kod="urn:x:BladReguly", komunikat="REG.WER.7: PESEL 99999999999, Fikcja")
    assert refused_visits(told, ["Fikcja"]) == (
        RefusedVisit(
            identifier=ObjectId("2.25", "7"),
            code="BladReguly",
            rule="REG.WER.7",
            description="REG.WER.7: PESEL ***, ***",
        ),
    )


def test_a_refusal_may_say_nothing_but_its_code() -> None:
    """A description is optional, and an answer without refusals has none."""
    (read,) = refused_visits(refused(identyfikator=IDENTIFIER, kod="urn:x:REG.WER.3"))
    assert (read.code, read.rule, read.description) == ("REG.WER.3", "REG.WER.3", "")
    assert refused_visits(page()) == ()


@pytest.mark.parametrize("told", [{"identyfikator": IDENTIFIER}, {"kod": "x"}, {"identyfikator": {}, "kod": "x"}])
def test_a_refusal_that_names_no_visit_or_no_code_is_unreadable(told: dict[str, Any]) -> None:
    """Otherwise a visit would be lost silently."""
    with pytest.raises(UnreadableAnswerError):
        refused_visits(refused(**told))
