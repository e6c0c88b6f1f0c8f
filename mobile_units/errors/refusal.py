"""One refusal of the domain: what is said with a code, and the way out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is said with one code: `str.format` templates over the facts of the error.

    `way_out_pl` and `way_out_en` say what the user can do next; empty where nothing can be done.
    """

    pl: str
    en: str
    way_out_pl: str = ""
    way_out_en: str = ""
