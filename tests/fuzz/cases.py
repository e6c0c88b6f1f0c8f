"""Requests made from what schemathesis generates: with keys that exist, and here and there with something hostile."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core import NOT_SET
from sqlalchemy import Engine, literal, select

from mobile_units import db
from mobile_units.models.base import Base
from tests.factories_booking import pesel
from tests.fuzz.house import House

Pick = Callable[[Sequence[Any]], Any]

TABLES = {
    "call_list": "messages_to_women",
    "units": "mobile_units",
    "templates": "schedule_templates",
    "tokens": "api_tokens",
    "transmissions": "outbox_messages",
    "attempts": "transmission_attempts",
    "waiting_list": "waiting_list_entries",
    "refused_rows": "initial_load_rows",
    "merged_id": "women",
    "with": "itineraries",
    "with_id": "itineraries",
    "woman_id": "women",
    "unit_id": "mobile_units",
    "stand_ins": "mobile_units",
    "template_id": "schedule_templates",
    "rule_id": "eligibility_rules",
}
"""The tables of collections and of members that are not named after them."""

TEXTS: Mapping[str, Sequence[str]] = {
    "pesel": tuple(pesel() for _ in range(5)),
    "telephone": ("+48600000001", "601 000 000"),
    "email": ("proba@example.org",),
    "teryt": ("1017", "1017093"),
    "nfz_branch": ("05",),
    "regon": ("123456785",),
    "nip": ("5260250995",),
    "product_code": ("10.7940.159.02", "01.0034.102.01"),
    "current_password": ("correct horse battery",),
}
"""What nobody finds by chance."""

HOSTILE: Sequence[Any] = (
    None,
    True,
    0,
    -1,
    1.5,
    2**31,
    2**63 - 1,
    2**63,
    -(2**63) - 1,
    10**400,
    1e308,
    float("nan"),
    float("inf"),
    "",
    " ",
    "\u00a0",
    "a\x00b",
    "\ud800",
    "\u202e\U0001f600\u0105",
    "x" * 20_000,
    "0001-01-01",
    "9999-12-31",
    "2027-02-30",
    "2027-03-28",
    "2027-03-28T02:30:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00",
    "02:30",
    "24:00",
    "23:59:59.999999+02:00",
    "\u0661\u0662",
    "1e400",
    "' OR 1=1 --",
    "%s %(a)s {0} {a}",
    [],
    {},
    [[]],
    [None],
    {"": None},
)
RAW = (
    b"",
    b"null",
    b"{",
    b"\xff\xfe",
    b'{"a":' * 5000,
    b"[" * 50_000,
    b'{"version": 1, "version": 2}',
    b"\xef\xbb\xbf{}",
)
"""Bodies that are no JSON, or hardly."""
ITS_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Stock:
    """The keys that exist, by table, and the versions of what they name."""

    house: House
    versions: Mapping[str, Mapping[int, int]]

    def table(self, name: str, collection: str = "") -> str:
        """The table to which a member, or a part of a path below a collection, refers; empty if to none."""
        plural = name.removesuffix("_ids").removesuffix("_id") + "s"
        one = TABLES.get(name.removesuffix("s"), plural)
        likely = (TABLES.get(collection, collection), TABLES.get(name, one), one)
        return next((table for table in likely if table in self.versions), "")

    def keys(self, name: str) -> Sequence[int]:
        """The keys that a member of a body or a query can hold."""
        refers = name.endswith(("_id", "_ids")) or name in TABLES
        return list(self.versions.get(self.table(name), ())) if refers else ()

    def is_ours(self, value: Any, name: str = "", collection: str = "") -> bool:
        """Whether a value names, or holds the name of, something of the first provider."""
        if isinstance(value, dict):
            return any(self.is_ours(each, key) for key, each in value.items())
        if isinstance(value, list):
            return any(self.is_ours(each, name) for each in value)
        refers = bool(collection) or bool(self.keys(name))
        return refers and type(value) is int and value in self.house.ours.get(self.table(name, collection), ())


def stock_of(engine: Engine, house: House) -> Stock:
    """Reads what there is."""
    found = {}
    with db.reading(engine) as session:
        for table in Base.metadata.sorted_tables:
            if "id" in table.c:
                version = table.c.version if "version" in table.c else literal(1)
                rows = session.execute(select(table.c.id, version).order_by(table.c.id))
                found[table.name] = dict(iter(rows))
    return Stock(house, found)


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as the test client takes it, who sends it, and where it names what belongs to the first provider."""

    who: str
    options: dict[str, Any]
    ours_in_path: bool = False
    ours_in_body: bool = False

    def __repr__(self) -> str:
        return f"Sent({self.who!r}, {str(self.options)[:3000]})"


@st.composite
def requests(draw: st.DrawFn, operation: APIOperation[Any, Any, Any, Any], stock: Stock) -> tuple[Case[Any], Sent]:
    """A request for an operation: mostly as documented and about something that exists."""

    def pick(of: Sequence[Any]) -> Any:
        return draw(st.sampled_from(of))

    right = stock.house.right.get(operation.label)
    if right and pick((True, True, False)):
        keys, body = pick(right)
        case = operation.Case(path_parameters=dict(keys), body=body, media_type="application/json")
        return case, _sent(pick, case, stock, (case.formatted_path, bool(keys)), [], body)
    mode = pick([GenerationMode.POSITIVE] * 5 + [GenerationMode.NEGATIVE])
    case = draw(operation.as_strategy(generation_mode=mode))
    path, version, ours = _path(pick, case, stock)
    query = [pair for name, value in case.query.items() for pair in _pairs(name, _real(pick, value, name, stock, 1))]
    body = case.body if case.body is NOT_SET else _real(pick, case.body, "", stock, version)
    return case, _sent(pick, case, stock, (path, ours), query, body)


def _sent(  # noqa: PLR0917 -- the parts of a request
    pick: Pick, case: Case[Any], stock: Stock, to: tuple[str, bool], query: list[tuple[str, Any]], body: Any
) -> Sent:
    """The request, now and then with one thing spoilt, from somebody."""
    path, ours = to
    if pick((False, False, True)):
        path, query, body = _spoilt(pick, path, query, body)
    options = _options(pick, case, path, query, body)
    return Sent(pick(("all",) * 12 + tuple(stock.house.tokens)), options, ours, stock.is_ours(body))


def _path(pick: Pick, case: Case[Any], stock: Stock) -> tuple[str, int, bool]:
    """The path with keys that mostly exist, the version of what the last of them names, and whether any is ours."""
    path, version, ours = case.path, 1, False
    for before, name in re.findall(r"([\w-]+)/\{(\w+)\}", case.path):
        value = case.path_parameters[name]
        collection = before.replace("-", "_")
        known = stock.versions.get(stock.table(name, collection), {})
        if name == "day":
            value = pick((*stock.house.days, value))
        elif known and pick((True,) * 9 + (False,)):
            value = pick(list(known))
            version = known[value]
        ours |= stock.is_ours(value, name, collection)
        path = path.replace("{" + name + "}", quote(str(value), safe=""))
    return path, version, ours


def _real(pick: Pick, value: Any, name: str, stock: Stock, version: int) -> Any:
    """The value with real keys, versions, days and codes where they are likely wanted."""
    if isinstance(value, dict):
        return {key: _real(pick, each, key, stock, version) for key, each in value.items()}
    if isinstance(value, list):
        return [_real(pick, each, name, stock, version) for each in value]
    if pick((False,) + (True,) * 5):
        return _better(pick, value, name, stock, version)
    return value


def _better(pick: Pick, value: Any, name: str, stock: Stock, version: int) -> Any:
    if isinstance(value, str) and name in TEXTS:
        return pick(TEXTS[name])
    if isinstance(value, str) and ITS_DAY.fullmatch(value):
        return pick(stock.house.days).isoformat()
    if isinstance(value, str):
        return value if value.strip() else "próba"
    if type(value) in {int, float} and name.endswith("version"):
        return version
    keys = stock.keys(name) if type(value) in {int, float} else ()
    return pick(keys) if keys else value


def _pairs(name: str, value: Any) -> list[tuple[str, Any]]:
    return [(name, each) for each in value] if isinstance(value, list) else [(name, value)]


def _spoilt(pick: Pick, path: str, query: list[tuple[str, Any]], body: Any) -> tuple[str, list[tuple[str, Any]], Any]:
    """With one thing changed that no honest client sends."""
    where = pick(("body",) * 4 + ("query", "query", "path"))
    if where == "body" and isinstance(body, dict | list) and body:
        return path, query, _spoilt_value(pick, body)
    if where == "query" and query:
        name, _ = pick(query)
        return path, [*query, (name, pick(HOSTILE))], body
    if where == "path":
        number = pick((0, -1, 2**63 - 1, 2**63, "1e3", "\u0661", "%00", "..", "\ud800"))
        bad = quote(str(number), safe="%", errors="surrogatepass")
        return re.sub(r"/\d+", f"/{bad}", path, count=1) if pick((True, False)) else path, query, body
    return path, query, pick((body, *HOSTILE))


def _spoilt_value(pick: Pick, value: Any) -> Any:
    """Some value within it replaced, dropped, repeated or added."""
    if not isinstance(value, dict | list) or not value or pick((False, False, False, True)):
        return value * 3 if isinstance(value, list) and value and pick((True, False)) else pick(HOSTILE)
    if isinstance(value, list):
        at = pick(range(len(value)))
        return [*value[:at], _spoilt_value(pick, value[at]), *value[at + 1 :]]
    key = pick(list(value))
    how = pick(("within",) * 6 + ("dropped", "added"))
    if how == "dropped":
        return {name: each for name, each in value.items() if name != key}
    return value | ({key: _spoilt_value(pick, value[key])} if how == "within" else {"unknown": 1})


def _options(pick: Pick, case: Case[Any], path: str, query: list[tuple[str, Any]], body: Any) -> dict[str, Any]:
    address = path + ("?" + urlencode(query, errors="surrogatepass") if query else "")
    options: dict[str, Any] = {"path": address, "method": case.method}
    if case.media_type and case.media_type.startswith("multipart"):
        given = case.as_transport_kwargs()
        headers = {name: each for name, each in given["headers"].items() if name == "Content-Type"}
        return options | {name: each for name, each in given.items() if name in {"data", "json"}} | {"headers": headers}
    if body is not NOT_SET:
        raw = json.dumps(body, default=str).encode() if pick((True,) * 19 + (False,)) else pick(RAW)
        options |= {"data": raw, "content_type": "application/json"}
    return options
