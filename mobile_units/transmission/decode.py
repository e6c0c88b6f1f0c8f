"""Reads what the central system answers about visits: elements of the contract in, our own words out.

The counterpart of `encode`. Elements are found by their local names; whatever is missing, doubled, malformed or unknown
to the dialect makes what it stands in unreadable, and no value of it is ever quoted. A change that is unreadable is
told as such, with its XML, so that it stops none of the others; any other part makes the whole answer unreadable.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from datetime import UTC, date, datetime
from typing import TypeVar

from lxml import etree

from mobile_units.transmission.answers import UnreadableAnswerError, mask, rule_in
from mobile_units.transmission.dialect import Dialect, Word, word_of
from mobile_units.transmission.gateway import RefusedVisit, last_segment
from mobile_units.transmission.messages import (
    CentralChange,
    CentralVisit,
    ChangesPage,
    ObjectId,
    PatientData,
    PersonId,
    UnreadableChange,
)

Value = TypeVar("Value")

_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:Z|[+-]\d{2}:\d{2})?")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})", re.ASCII)
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def changes_page(element: etree._Element, dialect: Dialect) -> ChangesPage:
    """The changes in a successful answer to the question which visits changed.

    Raises:
        UnreadableAnswerError: if it does not say where the next changes begin and whether there are any.
    """
    told = [_told(each, dialect) for each in _children(element, "zmiana")]
    return ChangesPage(
        changes=tuple(each for each in told if isinstance(each, CentralChange)),
        unreadable=tuple(each for each in told if isinstance(each, UnreadableChange)),
        cursor=_text(element, "znacznik"),
        more=_flag(element, "saNastepne"),
    )


def refused_visits(element: etree._Element, personal: Iterable[str] = ()) -> tuple[RefusedVisit, ...]:
    """The visits that an answer to an initial load names as not accepted, under the roots of the contract.

    Raises:
        UnreadableAnswerError: if one of them is not named or has no code.
    """
    return tuple(_refused(each, tuple(personal)) for each in _children(element, "odrzuconaWizyta"))


def _refused(element: etree._Element, personal: tuple[str, ...]) -> RefusedVisit:
    identifier = _child(element, "identyfikator")
    code = _text(element, "kod")
    description = _optional_text(element, "komunikat") or ""
    return RefusedVisit(
        identifier=ObjectId(_text(identifier, "root"), _text(identifier, "extension")),
        code=last_segment(code),
        rule=rule_in(f"{description} {code}"),
        description=mask(description, personal),
    )


def _told(element: etree._Element, dialect: Dialect) -> CentralChange | UnreadableChange:
    try:
        return _change(element, dialect)
    except UnreadableAnswerError as error:
        return UnreadableChange(
            identifier=_if_readable(lambda: _identifier(_child(element, "wizyta"), "identyfikator", dialect)),
            at=_if_readable(lambda: _instant(element, "chwila")),
            by=_if_readable(lambda: _word(element, "zmienionaPrzez", dialect.changed_by)),
            problem=str(error),
            xml=_as_text(element),
        )


def _if_readable(read: Callable[[], Value]) -> Value | None:
    try:
        return read()
    except UnreadableAnswerError:
        return None


def _as_text(element: etree._Element) -> str:
    """The element alone, without what the envelope around it declares."""
    alone = deepcopy(element)
    alone.tail = None
    etree.cleanup_namespaces(alone)
    return etree.tostring(alone, encoding="unicode")


def _change(element: etree._Element, dialect: Dialect) -> CentralChange:
    return CentralChange(
        at=_instant(element, "chwila"),
        by=_word(element, "zmienionaPrzez", dialect.changed_by),
        visit=_visit(_child(element, "wizyta"), dialect),
    )


def _visit(element: etree._Element, dialect: Dialect) -> CentralVisit:
    cancelled = _children(element, "odwolanaPrzez")
    return CentralVisit(
        identifier=_identifier(element, "identyfikator", dialect),
        slot=_identifier(element, "identyfikatorSlotu", dialect),
        patient=_patient(_child(element, "pacjent"), dialect),
        product_code=_text(element, "kodZakresu"),
        path=_word(element, "sciezka", dialect.paths),
        urgent=_flag(element, "pilna"),
        status=_word(element, "status", dialect.visit_statuses),
        cancelled_by=_word(element, "odwolanaPrzez", dialect.cancellers) if cancelled else None,
    )


def _patient(element: etree._Element, dialect: Dialect) -> PatientData:
    identifier = _identifier(element, "identyfikator", dialect)
    return PatientData(
        identifier=PersonId(identifier.root, identifier.extension, _optional_text(element, "krajDokumentu")),
        given_name=_text(element, "imie"),
        family_name=_text(element, "nazwisko"),
        birth_date=_day(element, "dataUrodzenia"),
        telephone=_optional_text(element, "telefon"),
    )


def _identifier(element: etree._Element, name: str, dialect: Dialect) -> ObjectId:
    identifier = _child(element, name)
    return ObjectId(dialect.own_root(_text(identifier, "root")), _text(identifier, "extension"))


def _word(element: etree._Element, name: str, codes: Mapping[Word, str]) -> Word:
    word = word_of(codes, _text(element, name))
    if word is None:
        raise UnreadableAnswerError(f"the answer has a code in {name} that the dialect does not know")
    return word


def _flag(element: etree._Element, name: str) -> bool:
    return _read(element, name, _FLAGS.__getitem__)


def _day(element: etree._Element, name: str) -> date:
    return _read(element, name, _as_day)


def _instant(element: etree._Element, name: str) -> datetime:
    return _read(element, name, _as_instant)


def _read(element: etree._Element, name: str, parse: Callable[[str], Value]) -> Value:
    try:
        return parse(_text(element, name))
    except (ValueError, KeyError, OverflowError):
        raise _malformed(name) from None


def _as_day(text: str) -> date:
    found = _DAY.fullmatch(text)
    return date.fromisoformat(found[1] if found else "")


def _as_instant(text: str) -> datetime:
    return datetime.fromisoformat(text if _INSTANT.fullmatch(text) else "").astimezone(UTC)


def _text(element: etree._Element, name: str) -> str:
    child = _child(element, name)
    text = ((child.text or "") + "".join(comment.tail or "" for comment in child)).strip()
    if not text or child.find("*") is not None:
        raise _malformed(name)
    return text


def _optional_text(element: etree._Element, name: str) -> str | None:
    return _text(element, name) if _children(element, name) else None


def _child(element: etree._Element, name: str) -> etree._Element:
    found = _children(element, name)
    if len(found) != 1:
        raise UnreadableAnswerError(f"the answer has {len(found)} elements {name} where it should have one")
    return found[0]


def _children(element: etree._Element, name: str) -> list[etree._Element]:
    return element.findall(f"{{*}}{name}")


def _malformed(name: str) -> UnreadableAnswerError:
    return UnreadableAnswerError(f"the answer has a malformed {name}")
