"""The vocabulary of screening programmes: what is examined, in which setting and on which path."""

from enum import StrEnum


class Programme(StrEnum):
    """A prevention programme financed by the NFZ (program profilaktyczny)."""

    BREAST = "breast"
    CERVICAL = "cervical"

    @property
    def name_pl(self) -> str:
        """The Polish name of the programme."""
        return (
            "program profilaktyki raka piersi"
            if self is Programme.BREAST
            else "program profilaktyki raka szyjki macicy"
        )

    @property
    def name_en(self) -> str:
        """The English name of the programme."""
        return f"{self.value} cancer screening"


class Path(StrEnum):
    """How a woman is screened (ścieżka); the cervical path is chosen by the woman with the midwife."""

    MAMMOGRAPHY = "mammography"
    CLASSIC_CYTOLOGY = "classic_cytology"
    HPV_LBC = "hpv_lbc"

    @property
    def programme(self) -> Programme:
        """The programme that the path belongs to."""
        return Programme.BREAST if self is Path.MAMMOGRAPHY else Programme.CERVICAL

    @property
    def name_pl(self) -> str:
        """The Polish name of the examination."""
        return _PATH_NAMES[self][0]

    @property
    def name_en(self) -> str:
        """The English name of the examination."""
        return _PATH_NAMES[self][1]


_PATH_NAMES = {
    Path.MAMMOGRAPHY: ("mammografia", "mammography"),
    Path.CLASSIC_CYTOLOGY: ("cytologia klasyczna", "classic cytology"),
    Path.HPV_LBC: ("test HPV HR z LBC", "HPV HR test with LBC"),
}


class Setting(StrEnum):
    """Kind of care that settles an examination: primary care (POZ) or ambulatory specialist care (AOS)."""

    POZ = "POZ"
    AOS = "AOS"


class Mobility(StrEnum):
    """Whether a service place works in a vehicle (pracownia mobilna) or in a building (stacjonarna)."""

    STATIONARY = "stationary"
    MOBILE = "mobile"
