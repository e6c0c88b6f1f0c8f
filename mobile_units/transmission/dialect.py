"""How one contract of the central system says what we mean: names of operations, call context, OID roots and codes.

`DEFAULT` fits the provisional contract of this repository. An installation that was given another contract describes
it in a TOML file: what the file leaves out stays as in `DEFAULT`, but a list of codes is given whole or not at all.
"""

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any, TypeVar

from mobile_units.config import ConfigurationError, Settings
from mobile_units.rules.programmes import Mobility, Path
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy, ChangedBy
from mobile_units.transmission.gateway import DUPLICATE, Presence
from mobile_units.transmission.messages import (
    PESEL_ROOT,
    PROVIDER_ROOT,
    SERVICE_PLACE_ROOT,
    CentralStatus,
    ObjectId,
    SlotKind,
)

Word = TypeVar("Word", bound=str)


class WorkplaceForm(StrEnum):
    """How the call context names a service place: by its cell code (`001`), or by book and cell (`<book>-001`)."""

    CELL = "cell"
    BOOK_AND_CELL = "book-cell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The words of one contract.

    `lookup` and `changes` are None where the contract has no such operation. `roots` are keyed by the roots in our own
    messages. `duplicate` is the last segment of the code that answers a repeated message. Several kinds of message may
    share an operation; in the lists of codes each word has a code of its own, so that codes can be read back.
    """

    operations: Mapping[MessageKind, str]
    lookup: str | None
    changes: str | None
    context_version: str
    context_prefix: str
    role: str
    workplace: WorkplaceForm
    roots: Mapping[str, str]
    duplicate: str
    mobilities: Mapping[Mobility, str]
    slot_kinds: Mapping[SlotKind, str]
    paths: Mapping[Path, str]
    visit_statuses: Mapping[CentralStatus, str]
    cancellers: Mapping[CancelledBy, str]
    changed_by: Mapping[ChangedBy, str]
    message_states: Mapping[Presence, str]

    def operation_names(self) -> tuple[str, ...]:
        """The names of all operations, each once."""
        names = (*self.operations.values(), self.lookup, self.changes)
        return tuple(dict.fromkeys(name for name in names if name))

    def required(self) -> tuple[str, ...]:
        """The names of the operations that a contract has to have, each once."""
        return tuple(dict.fromkeys(self.operations.values()))

    def outer_root(self, root: str) -> str:
        """The root that the contract uses for one of ours."""
        return self.roots.get(root, root)

    def own_root(self, root: str) -> str:
        """The root of ours for one that the contract uses."""
        return word_of(self.roots, root) or root

    def workplace_id(self, book: str, cell: str) -> ObjectId:
        """The service place as the call context names it."""
        extension = cell if self.workplace is WorkplaceForm.CELL else f"{book}-{cell}"
        return ObjectId(self.outer_root(SERVICE_PLACE_ROOT), extension)


DEFAULT = Dialect(
    operations=MappingProxyType(
        {
            MessageKind.SAVE_SERVICE_PLACE: "zapiszDaneMus",
            MessageKind.IMPORT_MOBILE_POINTS: "importujMobilnePunktyObsługi",
            MessageKind.SAVE_SCHEDULE: "zapiszHarmonogram",
            MessageKind.WITHDRAW_SLOTS: "zapiszSloty",
            MessageKind.SAVE_SLOTS: "zapiszSloty",
            MessageKind.ACTIVATE_SERVICE_PLACE: "aktywujMus",
            MessageKind.SAVE_VISIT: "zapiszWizyte",
            MessageKind.CANCEL_VISIT: "anulujWizyte",
            MessageKind.LOAD_VISITS: "zasilInicjalnie",
        }
    ),
    lookup="pobierzStanKomunikatu",
    changes="pobierzZmiany",
    context_version="v20180509",
    context_prefix="urn:csioz:p1:kontekst:",
    role="SYSTEM_ZEWNETRZNY_PODMIOTU_LECZNICZEGO",
    workplace=WorkplaceForm.CELL,
    roots=MappingProxyType({root: root for root in (PESEL_ROOT, PROVIDER_ROOT, SERVICE_PLACE_ROOT)}),
    duplicate=DUPLICATE,
    mobilities=MappingProxyType({Mobility.STATIONARY: "STACJONARNE", Mobility.MOBILE: "MOBILNE"}),
    slot_kinds=MappingProxyType(
        {
            SlotKind.MATCHING_PROCEDURE: "PROCEDURA_ODPOWIEDNIA",
            SlotKind.CONTINUED_TREATMENT: "KONTYNUACJA_LECZENIA",
            SlotKind.DEFAULT_PROCEDURE: "PROCEDURA_DOMYSLNA",
        }
    ),
    paths=MappingProxyType(
        {
            Path.MAMMOGRAPHY: "MAMMOGRAFIA",
            Path.CLASSIC_CYTOLOGY: "CYTOLOGIA_KLASYCZNA",
            Path.HPV_LBC: "HPV_LBC",
        }
    ),
    visit_statuses=MappingProxyType(
        {
            CentralStatus.BOOKED: "UMOWIONA",
            CentralStatus.PERFORMED: "ZREALIZOWANA",
            CentralStatus.NOT_PERFORMED: "NIEZREALIZOWANA",
            CentralStatus.CANCELLED: "ODWOLANA",
        }
    ),
    cancellers=MappingProxyType({CancelledBy.WOMAN: "PACJENT", CancelledBy.PROVIDER: "SWIADCZENIODAWCA"}),
    changed_by=MappingProxyType(
        {ChangedBy.WOMAN: "PACJENT", ChangedBy.PROVIDER: "SWIADCZENIODAWCA", ChangedBy.SYSTEM: "SYSTEM"}
    ),
    message_states=MappingProxyType({Presence.PRESENT: "PRZYJETY", Presence.ABSENT: "NIEZNANY"}),
)
"""The words of the contract in this repository. Of the operations, those that save and cancel a visit, look a message
up and fetch changes are named by us, by no public source; so are all codes."""


def word_of(codes: Mapping[Word, str], code: str) -> Word | None:
    """The word that has this code; None if none has."""
    return next((word for word, known in codes.items() if known == code), None)


def fold(name: str) -> str:
    """The name without case and diacritics: contracts may or may not spell them."""
    plain = unicodedata.normalize("NFKD", name.casefold().replace("ł", "l"))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def names_there(names: Iterable[str], there: Iterable[str]) -> dict[str, str]:
    """From names of operations to the names that a contract has for them; without those that it lacks."""
    spelled = {fold(name): name for name in there}
    return {name: spelled[fold(name)] for name in names if fold(name) in spelled}


def dialect_of(settings: Settings) -> Dialect:
    """The dialect of an installation.

    Raises:
        ConfigurationError: with everything that is wrong with the file.
    """
    return load(settings.cer_dialect) if settings.cer_dialect else DEFAULT


def load(path: FilePath) -> Dialect:
    """The dialect that a TOML file describes.

    Raises:
        ConfigurationError: with one sentence for each key that is unknown, malformed, missing or has the code of
            another.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError([f"{path}: {error}; expected a TOML file in UTF-8"]) from None
    if problems := list(_problems(document)):
        raise ConfigurationError([f"{path}: {problem}" for problem in problems])
    return _built(document)


@dataclass(frozen=True, slots=True)
class _Form:
    expected: str
    fits: Callable[[Any], bool]


_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value) and value == value.strip()


_TEXT = _Form("a text", _is_text)
_TEXT_OR_FALSE = _Form(
    "a text, or false if there is no such operation", lambda value: value is False or _is_text(value)
)
_OID_FORM = _Form("an OID", lambda value: isinstance(value, str) and bool(_OID.fullmatch(value)))
_WORKPLACE = _Form("one of " + ", ".join(WorkplaceForm), lambda value: value in set(WorkplaceForm))

_IDENTIFIERS = {"pesel": PESEL_ROOT, "provider": PROVIDER_ROOT, "service_place": SERVICE_PLACE_ROOT}
_FIELDS = {
    "context": {"version": "context_version", "prefix": "context_prefix", "role": "role", "workplace": "workplace"},
    "answers": {"duplicate": "duplicate"},
}
_TABLES: Mapping[str, Mapping[str, _Form]] = {
    "operations": {**{kind.value: _TEXT for kind in MessageKind}, "lookup": _TEXT_OR_FALSE, "changes": _TEXT_OR_FALSE},
    "context": {"version": _TEXT, "prefix": _TEXT, "role": _TEXT, "workplace": _WORKPLACE},
    "identifiers": dict.fromkeys(_IDENTIFIERS, _OID_FORM),
    "answers": {"duplicate": _TEXT},
}
_CODES: Mapping[str, Iterable[StrEnum]] = {
    "mobilities": Mobility,
    "slot_kinds": SlotKind,
    "paths": Path,
    "visit_statuses": CentralStatus,
    "cancellers": (CancelledBy.WOMAN, CancelledBy.PROVIDER),
    "changed_by": ChangedBy,
    "message_states": (Presence.PRESENT, Presence.ABSENT),
}
"""The lists of codes, by the name that they have in the file and in the dialect, and the words that need a code."""


def _problems(document: Mapping[str, Any]) -> Iterator[str]:
    yield from _strangers("", document, {*_TABLES, "codes"})
    for table, forms in _TABLES.items():
        yield from _problems_of_table(table, forms, document.get(table, {}))
    identifiers = document.get("identifiers", {})
    if isinstance(identifiers, dict):
        yield from _doubled("identifiers", {**_IDENTIFIERS, **identifiers})
    yield from _problems_of_codes(document.get("codes", {}))


def _problems_of_table(name: str, forms: Mapping[str, _Form], table: Any) -> Iterator[str]:
    if not isinstance(table, dict):
        yield f"{name}: expected a table"
        return
    yield from _strangers(f"{name}.", table, forms)
    for key, form in forms.items():
        if key in table and not form.fits(table[key]):
            yield f"{name}.{key}: expected {form.expected}"


def _problems_of_codes(lists: Any) -> Iterator[str]:
    if not isinstance(lists, dict):
        yield "codes: expected tables"
        return
    yield from _strangers("codes.", lists, _CODES)
    for name, words in _CODES.items():
        forms: dict[str, _Form] = dict.fromkeys(words, _TEXT)
        codes = lists.get(name, {word: word for word in words})
        yield from _problems_of_table(f"codes.{name}", forms, codes)
        if isinstance(codes, dict):
            yield from (f"codes.{name}.{word}: the code is missing" for word in forms if word not in codes)
            yield from _doubled(f"codes.{name}", codes)


def _strangers(prefix: str, table: Mapping[str, Any], known: Iterable[str]) -> Iterator[str]:
    yield from (f"{prefix}{key}: there is no such key" for key in table if key not in set(known))


def _doubled(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    first: dict[Any, str] = {}
    for key, value in table.items():
        if isinstance(value, str) and first.setdefault(value, key) != key:
            yield f"{name}.{key}: has the value of {name}.{first[value]}"


def _built(document: Mapping[str, Any]) -> Dialect:
    operations = document.get("operations", {})
    single: dict[str, Any] = {key: operations[key] or None for key in ("lookup", "changes") if key in operations}
    for table, names in _FIELDS.items():
        single |= {names[key]: value for key, value in document.get(table, {}).items()}
    if "workplace" in single:
        single["workplace"] = WorkplaceForm(single["workplace"])
    lists: dict[str, Any] = {name: _codes(_CODES[name], codes) for name, codes in document.get("codes", {}).items()}
    return replace(
        DEFAULT,
        operations=MappingProxyType({kind: operations.get(kind, name) for kind, name in DEFAULT.operations.items()}),
        roots=MappingProxyType(_roots(document.get("identifiers", {}))),
        **single,
        **lists,
    )


def _roots(identifiers: Mapping[str, str]) -> dict[str, str]:
    return {own: identifiers.get(name, own) for name, own in _IDENTIFIERS.items()}


def _codes(words: Iterable[Any], codes: Mapping[str, str]) -> Mapping[Any, str]:
    return MappingProxyType({word: codes[word] for word in words})
