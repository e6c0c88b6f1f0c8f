"""Addresses: how they are written, and how far an answer can be relied on."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.rules.addresses import DOUBTFUL_BELOW, Address, Candidate, Precision, best, confidence

ASKED = Address("Wieluń", "Plac Legionów 1", "Wieluń", "1017093")
HOUSE = Candidate(
    latitude=51.22, longitude=18.57, label="Wieluń, Plac Legionów, 1", precision=Precision.HOUSE, locality="Wieluń"
)


def test_an_address_is_asked_as_polish_services_read_it() -> None:
    """The locality first, then street and number, without the word for a street and with single spaces."""
    assert Address(" Wieluń", "ul.  Plac   Legionów 1 ").text == "Wieluń, Plac Legionów 1"
    assert Address("Ulice", "ulica Ulanowa 2").text == "Ulice, Ulanowa 2"
    assert Address("Osjaków", "Ulanów 2").text == "Osjaków, Ulanów 2"
    assert Address("Osjaków").text == "Osjaków"
    assert Address(None, "Osjaków, Targowa 26").text == "Osjaków, Targowa 26"


def test_an_address_is_known_by_its_text_and_its_gmina() -> None:
    """Many villages have one name; lower case and spaces make no difference."""
    assert Address("Nowa  Wieś", "12", "Osjaków", "1017052").key == "nowa wieś, 12; gmina osjaków; 1017052"
    assert Address("NOWA WIEŚ", "12").key == Address("Nowa Wieś", " 12").key != Address("Nowa Wieś", "12", "Żytno").key
    assert not Address(None, " ").key


def test_the_very_house_is_certain() -> None:
    """Where nothing speaks against it."""
    assert confidence(ASKED, HOUSE) == 1.0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"precision": Precision.STREET}, 0.4),
        ({"precision": Precision.LOCALITY}, 0.3),
        ({"precision": Precision.UNKNOWN}, 0.2),
        ({"accuracy": 0.5}, 0.5),
        ({"locality": None}, 0.8),
        ({"locality": "wielun"}, 1.0),
        ({"locality": "Wieluń Nowy"}, 0.6),
        ({"locality": "Wieliń"}, 0.5),
        ({"locality": "Sieradz"}, 0.2),
        ({"teryt": "1017092"}, 1.0),
        ({"teryt": "1014011"}, 0.3),
        ({"teryt": "?"}, 1.0),
        ({"gmina": "gmina Wieluń"}, 1.0),
        ({"gmina": "Sieradz"}, 0.3),
    ],
)
def test_what_speaks_against_an_answer_lessens_it(change: dict[str, object], expected: float) -> None:
    """A less precise place, another locality or gmina, or the service's own doubt."""
    assert confidence(ASKED, replace(HOUSE, **change)) == expected  # type: ignore[arg-type]  # of many types


@pytest.mark.parametrize(
    ("asked", "precision", "expected"),
    [
        (Address("Osjaków"), Precision.LOCALITY, 0.6),
        (Address("Osjaków", "Targowa"), Precision.STREET, 0.8),
        (Address("Osjaków", "Targowa"), Precision.LOCALITY, 0.3),
        (Address(None, "Osjaków"), Precision.LOCALITY, 0.6),
        (Address(None, "Osjaków 12"), Precision.LOCALITY, 0.3),
        (Address(None, "Wieluń, Osjakowska 12"), Precision.HOUSE, 0.2),
    ],
)
def test_an_answer_is_measured_by_what_was_asked(asked: Address, precision: Precision, expected: float) -> None:
    """The middle of a locality is in doubt even where nothing more is known; in free text the locality has to occur."""
    found = replace(HOUSE, precision=precision, locality="Osjaków")
    assert confidence(asked, found) == expected
    assert (expected < DOUBTFUL_BELOW) is (precision is Precision.LOCALITY or asked.text.startswith("Wieluń"))


def test_the_best_of_several_answers_is_taken() -> None:
    """That of the right gmina, wherever it is in the list."""
    wrong = replace(HOUSE, latitude=53.0, teryt="1014011")
    found = best(ASKED, [wrong, replace(HOUSE, teryt="1017093"), wrong])
    assert found is not None
    assert (found.latitude, found.confidence, found.label) == (51.22, 1.0, HOUSE.label)


def test_one_that_is_rivalled_elsewhere_is_in_doubt() -> None:
    """Two villages of one name; a second point in the same village is no rival."""
    asked = Address("Nowa Wieś", "12")
    here = replace(HOUSE, locality="Nowa Wieś")
    found, alone = (best(asked, [here, replace(here, longitude=east)]) for east in (19.2, 18.58))
    assert found is not None
    assert alone is not None
    assert (found.confidence, alone.confidence) == (0.5, 1.0)


@pytest.mark.parametrize("swapped", [(18.57, 51.22), (float("nan"), 18.57), (0.0, 0.0)])
def test_answers_outside_poland_are_none(swapped: tuple[float, float]) -> None:
    """Swapped coordinates among them."""
    assert best(ASKED, [replace(HOUSE, latitude=swapped[0], longitude=swapped[1])]) is None
    assert best(ASKED, []) is None


TEXT = st.text(max_size=12) | st.none()


@given(
    st.builds(Address, TEXT, TEXT, TEXT, TEXT),
    st.lists(
        st.builds(
            Candidate,
            latitude=st.floats(),
            longitude=st.floats(),
            label=st.text(max_size=5),
            precision=st.sampled_from(Precision),
            locality=TEXT,
            gmina=TEXT,
            teryt=TEXT,
            accuracy=st.floats(0, 1),
        ),
        max_size=4,
    ),
)
def test_any_answer_has_a_confidence(asked: Address, candidates: list[Candidate]) -> None:
    """From 0 to 1, and in Poland, whatever is asked and answered."""
    found = best(asked, candidates)
    assert found is None or (0 <= found.confidence <= 1 and 48 < found.latitude < 56 and 13 < found.longitude < 25)
