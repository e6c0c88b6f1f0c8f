"""How long a text message is: its alphabet, its units and the segments it is sent and paid in (3GPP TS 23.038, 23.040).

A text of which every character is in the GSM 7-bit alphabet takes 160 septets in one message, or 153 in each of
several; any other text takes 70 or 67 units of UTF-16. What needs two units is never cut in two.
"""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet, in the order of its codes, without the escape."""
EXTENSION = "\f^{}\\[~]|€"
"""What takes an escape and so two septets."""

_GSM7 = frozenset(BASIC + EXTENSION)
_FOLDED = {
    **dict(zip("łŁđĐı", "lLdDi", strict=True)),
    **dict.fromkeys("„”“«»", '"'),
    **dict.fromkeys("’‘‚`´", "'"),
    **dict.fromkeys("–—−‑", "-"),
    "…": "...",
}


class Alphabet(StrEnum):
    """How a text message is written on the wire."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


ROOM = {Alphabet.GSM7: (160, 153), Alphabet.UCS2: (70, 67)}
"""Units in the only segment of a message, and in each of several."""


@dataclass(frozen=True, slots=True)
class SmsLength:
    """How long a text is: `units` are septets of GSM 7-bit or 16-bit units of UCS-2."""

    alphabet: Alphabet
    units: int
    segments: int


def measured(text: str) -> SmsLength:
    """The length of a text; an empty one has no segment."""
    alphabet = Alphabet.GSM7 if _GSM7.issuperset(text) else Alphabet.UCS2
    sizes = [_size(char, alphabet) for char in text]
    alone, among_several = ROOM[alphabet]
    segments = (1 if sizes else 0) if sum(sizes) <= alone else _packed(sizes, among_several)
    return SmsLength(alphabet, sum(sizes), segments)


def _size(char: str, alphabet: Alphabet) -> int:
    return 2 if (char in EXTENSION if alphabet is Alphabet.GSM7 else ord(char) > 0xFFFF) else 1


def _packed(sizes: list[int], room: int) -> int:
    segments, left = 0, 0
    for size in sizes:
        if size > left:
            segments, left = segments + 1, room
        left -= size
    return segments


def folded(text: str) -> str:
    """The text in the GSM 7-bit alphabet: `ą` becomes `a`, a long dash a short one.

    A character that has no likeness there, such as one of another script, is kept, and makes the text UCS-2.
    """
    return "".join(char if char in _GSM7 else _fold(char) for char in text)


def _fold(char: str) -> str:
    plain = "".join(each for each in unicodedata.normalize("NFKD", char) if not unicodedata.combining(each))
    likeness = "".join(_FOLDED.get(each, each) for each in (_FOLDED.get(char) or plain))
    return likeness if likeness and _GSM7.issuperset(likeness) else char
