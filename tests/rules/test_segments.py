"""How long a text message is, against the alphabet coded by hand and texts cut on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.rules.segments import BASIC, EXTENSION, Alphabet, folded, measured

GSM_TEXT = st.text(st.sampled_from(BASIC + EXTENSION), max_size=500)
ANY_TEXT = st.text(max_size=300)
POLISH = "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ"


def cut(stream: bytes, alone: int, room: int, escapes: tuple[range, int]) -> int:
    """How many messages a stream takes: `room` units each, never ending inside a unit that needs a second one.

    `escapes` says which units are the first of two, and of how many bytes a unit is.
    """
    firsts, width = escapes
    units = [int.from_bytes(stream[n : n + width], "big") for n in range(0, len(stream), width)]
    if len(units) <= alone:
        return min(1, len(units))
    count = 0
    while units:
        end = min(room, len(units))
        pairs_before = end < len(units) and units[end - 1] in firsts
        units, count = units[end - pairs_before :], count + 1
    return count


@given(GSM_TEXT)
def test_a_text_of_the_gsm_alphabet_is_counted_in_septets(text: str) -> None:
    """160 in one message, 153 in each of several, an escape with what it escapes."""
    stream = b"".join(b"\x1b\x65" if char in EXTENSION else b"a" for char in text)
    length = measured(text)
    assert length.alphabet is Alphabet.GSM7
    assert (length.units, length.segments) == (len(stream), cut(stream, 160, 153, (range(0x1B, 0x1C), 1)))


@given(ANY_TEXT.map(lambda text: text + "ą"))
def test_any_other_text_is_counted_in_units_of_utf_16(text: str) -> None:
    """70 in one message, 67 in each of several, a surrogate with the other one."""
    stream = text.encode("utf-16-be")
    length = measured(text)
    assert length.alphabet is Alphabet.UCS2
    assert (length.units, length.segments) == (len(stream) // 2, cut(stream, 70, 67, (range(0xD800, 0xDC00), 2)))


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 0),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("a" * 152 + "€" + "a" * 7, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("ą" * 70, 1),
        ("ą" * 71, 2),
        ("ą" * 134, 2),
        ("ą" * 135, 3),
        ("ą" * 66 + "😀" + "ą" * 66, 3),
    ],
)
def test_the_borders_of_segments(text: str, segments: int) -> None:
    """One character more begins another one, and a pair is not cut."""
    assert measured(text).segments == segments


def test_the_alphabet_has_its_127_characters() -> None:
    """The escape is the 128th; ten more are escaped."""
    assert (len(set(BASIC)), len(BASIC), len(set(EXTENSION))) == (127, 127, 10)


def test_polish_letters_are_folded_to_what_is_read_for_them() -> None:
    """And what the alphabet has is left: `ó` is not in it, `ö` is."""
    assert folded(POLISH) == "acelnoszzACELNOSZZ"
    assert folded("„Wieluń” – przy Urzędzie… ö") == '"Wielun" - przy Urzedzie... ö'


@given(ANY_TEXT)
def test_folding_never_loses_a_character_and_never_changes_what_is_folded(text: str) -> None:
    """What has no likeness stays; a text of the alphabet stays as it is."""
    once = folded(text)
    assert folded(once) == once
    assert len(once) >= len(text)
    assert all(char in once for char in text if char in BASIC + EXTENSION)


def test_a_foreign_script_is_kept() -> None:
    """It makes the text longer, but it can still be read."""
    assert folded("Жук ą") == "Жук a"
    assert measured("Жук a").alphabet is Alphabet.UCS2
