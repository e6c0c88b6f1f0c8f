"""Where a woman can be reached: telephone numbers and e-mail addresses in one spelling, or refused.

No error raised here carries the number or the address it speaks of.
"""

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from mobile_units.errors import DomainError
from mobile_units.rules.wording import Language

HOME = "PL"
LONGEST_TELEPHONE = 40
LONGEST_ADDRESS = 254
"""RFC 5321: a path of 256 characters has two brackets."""

_WRITTEN = re.compile(r"\+?[0-9 ()./\u00a0-]+")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])")
_RECEIVE_SMS = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})


def parse_telephone(text: str) -> str:
    """The number in the one spelling of E.164, `+48426301234`; without a country it is a Polish one.

    Raises:
        DomainError: `telephone_invalid` for what is no number in use in its country's plan, for letters and extensions.
    """
    written = text.strip()
    if len(written) > LONGEST_TELEPHONE or not _WRITTEN.fullmatch(written):
        raise DomainError("telephone_invalid")
    try:
        number = phonenumbers.parse(written, HOME)
    except NumberParseException:
        raise DomainError("telephone_invalid") from None
    if not phonenumbers.is_valid_number(number):
        raise DomainError("telephone_invalid")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def spelled(text: str) -> str:
    """The number in its one spelling; what is no number stays as another system or an earlier version wrote it."""
    try:
        return parse_telephone(text)
    except DomainError:
        return text


def takes_sms(telephone: str) -> bool:
    """Whether a number in E.164 belongs to a mobile, or may; some countries do not tell the two apart.

    What is no number (see `spelled`) takes none.
    """
    try:
        return phonenumbers.number_type(_number(telephone)) in _RECEIVE_SMS
    except NumberParseException:
        return False


def shown(telephone: str, language: Language) -> str:
    """A number in E.164 as people read it: a Polish one in a Polish text without the country."""
    at_home = language is Language.POLISH and phonenumbers.region_code_for_number(_number(telephone)) == HOME
    form = PhoneNumberFormat.NATIONAL if at_home else PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(_number(telephone), form)


def parse_email(text: str) -> str:
    """The address, its domain in lower case.

    Only plain ASCII addresses are taken: neither quoted local parts, nor comments, nor addresses in brackets.

    Raises:
        DomainError: `email_invalid`.
    """
    written = text.strip(" ")
    local, at, domain = written.rpartition("@")
    fits = len(written) <= LONGEST_ADDRESS and len(local) <= 64
    if not at or not fits or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise DomainError("email_invalid")
    return f"{local}@{domain.lower()}"


def _number(telephone: str) -> PhoneNumber:
    return phonenumbers.parse(telephone, None)
