"""Identifiers of a provider, checked and brought to one spelling."""

import re
from types import MappingProxyType

from stdnum.exceptions import ValidationError
from stdnum.pl import nip as nip_format
from stdnum.pl import regon as regon_format

from mobile_units.errors import DomainError

NFZ_BRANCHES = MappingProxyType(
    {
        "01": "Dolnośląski",
        "02": "Kujawsko-Pomorski",
        "03": "Lubelski",
        "04": "Lubuski",
        "05": "Łódzki",
        "06": "Małopolski",
        "07": "Mazowiecki",
        "08": "Opolski",
        "09": "Podkarpacki",
        "10": "Podlaski",
        "11": "Pomorski",
        "12": "Śląski",
        "13": "Świętokrzyski",
        "14": "Warmińsko-Mazurski",
        "15": "Wielkopolski",
        "16": "Zachodniopomorski",
    }
)
"""The branches of the NFZ by their codes."""


def checked_regon(text: str) -> str:
    """The REGON (9 or 14 digits with their check digits) written in `text`; raises `regon_invalid`."""
    try:
        return str(regon_format.validate(text))
    except ValidationError:
        raise DomainError("regon_invalid") from None


def checked_nip(text: str) -> str:
    """The NIP (10 digits, a leading PL dropped) written in `text`; raises `nip_invalid`."""
    try:
        return str(nip_format.validate(text))
    except ValidationError:
        raise DomainError("nip_invalid") from None


def checked_rpwdl_book(text: str) -> str:
    """The number of a book in the RPWDL register, 12 digits as text; raises `rpwdl_book_invalid`."""
    if not re.fullmatch(r"[0-9]{12}", text.strip()):
        raise DomainError("rpwdl_book_invalid")
    return text.strip()


def checked_nfz_branch(text: str) -> str:
    """The code of an NFZ branch, 01 to 16; raises `nfz_branch_unknown`."""
    if text.strip() not in NFZ_BRANCHES:
        raise DomainError("nfz_branch_unknown")
    return text.strip()


def checked_oid_root(text: str) -> str:
    """An object identifier, numbers joined by dots; raises `oid_root_invalid`."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)+", text.strip()):
        raise DomainError("oid_root_invalid")
    return text.strip()
