"""Reads the source of a tree and says where it breaks the rules of the house; each rule returns its violations."""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

INFRASTRUCTURE = {"clock", "config", "crypto", "db", "embedded", "errors", "logs", "migrations"}
DOMAIN = {"messaging", "models", "planning", "rules", "services", "transmission"}
MAY_IMPORT: Mapping[str, set[str]] = {
    "wsgi": {"config", "routes"},
    "routes": {"clock", "config", "db", "errors", "logs", "migrations"}
    | {"schemas", "models", "planning", "rules", "services"},
    "schemas": {"services", "models", "rules", "errors"},
    "services": {"models", "planning", "rules", "transmission", "clock", "crypto", "errors"},
    "transmission": {"models", "rules", "clock", "config", "db", "errors"},
    "planning": {"rules", "errors"},
    "messaging": {"rules", "clock", "config", "errors"},
    "models": {"rules", "crypto"},
    "rules": {"clock", "errors"},
    "sandbox": {"clock"},
    "migrations": {"models"},
    "db": {"config", "crypto", "embedded", "errors"},
    "crypto": {"config"},
    "logs": set(),
    "embedded": set(),
    "config": set(),
    "errors": set(),
    "clock": set(),
    "doctor": INFRASTRUCTURE | DOMAIN,
    "demo": INFRASTRUCTURE | DOMAIN | {"sandbox"},
    "cli": INFRASTRUCTURE | DOMAIN | {"demo", "doctor", "sandbox"},
    "__main__": {"cli"},
}
"""What each layer may import besides itself; a layer is a folder or a file of `mobile_units`, or one beside it."""

ONLY_IMPORTER = {
    "zeep": {"mobile_units.transmission.soap", "mobile_units.transmission.contract_check"},
    "numba": {"mobile_units.planning.kernel"},
    "ortools": {"mobile_units.planning.assignment"},
    "xmlsec": {"mobile_units.transmission.security"},
    "signxml": {"mobile_units.sandbox.security"},
}
OF_RULES = {"dateutil", "holidays", "phonenumbers", "stdnum"}
"""The libraries that rules may use: calendars, checksums and the plans of telephone numbers."""
CLOCK_OF_RULES = "mobile_units.clock.WARSAW"
CLOCK = "mobile_units.clock"
READS_THE_CLOCK = {
    *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
    "datetime.date.today",
    *(f"time.{name}" for name in ("time", "time_ns", "localtime", "gmtime", "ctime")),
}
TIMEOUT_OF_CALL = {
    "psycopg.connect": "connect_timeout",
    "socket.create_connection": "timeout",
    "urllib.request.urlopen": "timeout",
    "http.client.HTTPConnection": "timeout",
    "http.client.HTTPSConnection": "timeout",
}
"""Calls over the network, and the argument that bounds how long each takes."""
HTTP_METHODS = {"delete", "get", "head", "options", "patch", "post", "put", "request", "send"}
OPEN_TO_SERVICES = {f"mobile_units.transmission.{name}" for name in ("links", "messages", "outbox")}
"""What services may import of the transmission."""
NOT_FEATURES = {"__init__", "api", "docs", "problems"}
"""Modules of `routes/api` that put the features together or document them."""
SEARCH = {f"mobile_units.planning.{name}" for name in ("clients", "kernel", "model", "solver")}
JUDGE = {f"mobile_units.planning.{name}" for name in ("check", "drives", "violations")}
"""What searches for plans, and what judges them, knowing nothing of each other."""
PART_OF = {"tokens": "users"}
"""Features whose schemas and services live with another one."""


@dataclass(frozen=True)
class Module:
    """One source file; `name` is dotted, `test` for `tests/test.py`."""

    name: str
    path: Path

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.path.read_text(encoding="utf-8"))

    @property
    def layer(self) -> str:
        """The first name, below `mobile_units` the second."""
        first, _, rest = self.name.partition(".")
        return rest.partition(".")[0] if first == "mobile_units" else first

    @property
    def library(self) -> str:
        """The first name, which is what a foreign module is known by."""
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class House:
    """The source under `root`, without its tests."""

    root: Path

    @cached_property
    def modules(self) -> dict[str, Module]:
        """All modules by name."""
        files = [
            *self.root.glob("*.py"),
            *(f for part in ("mobile_units", "routes", "schemas") for f in self._in(part)),
        ]
        return {module.name: module for module in map(self._module, sorted(files))}

    def _in(self, part: str) -> Iterable[Path]:
        return (self.root / part).rglob("*.py")

    def _module(self, path: Path) -> Module:
        parts = path.relative_to(self.root).with_suffix("").parts
        return Module(".".join(parts[:-1] if parts[-1] == "__init__" else parts), path)

    def imports(self, module: Module) -> Iterator[str]:
        """The dotted names that a module imports, those inside functions included: a module of ours or what it has."""
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{module.name} imports relatively"
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    def own_imports(self, module: Module) -> Iterator[Module]:
        """The modules of this tree that a module imports."""
        for name in self.imports(module):
            found = self.modules.get(name) or self.modules.get(name.rpartition(".")[0])
            if found and found != module:
                yield found


def layers(house: House) -> list[str]:
    """Imports that go up, sideways, or to a layer that nobody described."""
    return [
        f"{module.name} imports {imported.name}"
        for module in house.modules.values()
        for imported in house.own_imports(module)
        if imported.layer not in {module.layer, "", *MAY_IMPORT.get(module.layer, set())}
    ] + [f"{module.name} has no layer" for module in house.modules.values() if module.layer not in {"", *MAY_IMPORT}]


def cycles(house: House) -> list[str]:
    """The modules of a circle of imports, wherever the imports are written."""
    graph = {name: {each.name for each in house.own_imports(module)} for name, module in house.modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def outbox_only(house: House) -> list[str]:
    """Services reach into the transmission only as far as the outbox, the links and the values of messages."""
    return [
        f"{module.name} imports {imported.name}"
        for module in house.modules.values()
        for imported in house.own_imports(module)
        if module.layer == "services" and imported.layer == "transmission"
        if imported.name not in OPEN_TO_SERVICES
    ]


def libraries(house: House) -> list[str]:
    """Libraries that are imported where they do not belong."""
    return [
        f"{module.name} imports {name}"
        for module in house.modules.values()
        for name in house.imports(module)
        if not _may_use(module, name.partition(".")[0])
    ]


def _may_use(module: Module, library: str) -> bool:
    if library in {"flask", "marshmallow", "flask_smorest", "flask_wtf", "werkzeug"}:
        return module.library in {"routes", "schemas"}
    return module.name in ONLY_IMPORTER.get(library, {module.name})


def partial_judges(house: House) -> list[str]:
    """What the search of plans and their judge import of each other."""
    return [
        f"{module.name} imports {name}"
        for module in house.modules.values()
        for name in house.imports(module)
        for one, other in ((SEARCH, JUDGE), (JUDGE, SEARCH))
        if module.name in one and name.rpartition(".")[0] in other
    ]


def impure_rules(house: House) -> list[str]:
    """What rules import besides each other, errors, the time zone, the standard library and a few calculators."""
    return [
        f"{module.name} imports {name}"
        for module in house.modules.values()
        for name in house.imports(module)
        if module.layer == "rules" and not _pure(name)
    ]


def _pure(name: str) -> bool:
    library = name.partition(".")[0]
    if library == "mobile_units":
        return name == CLOCK_OF_RULES or name.startswith(("mobile_units.rules.", "mobile_units.errors."))
    return library in OF_RULES or library in sys.stdlib_module_names


def clock_readers(house: House) -> list[str]:
    """Where the present instant or day is read other than by the clock."""
    return [
        f"{module.name}:{line} reads {name}"
        for module in house.modules.values()
        if module.name != CLOCK
        for name, line in _names_used(module)
        if name in READS_THE_CLOCK
    ]


def _names_used(module: Module) -> Iterator[tuple[str, int]]:
    """The full dotted names of what is read or called in a module, and the lines."""
    imported = _imported_names(module)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute | ast.Name) and (name := _dotted(node)):
            first, dot, rest = name.partition(".")
            yield imported.get(first, first) + dot + rest, node.lineno


def _imported_names(module: Module) -> dict[str, str]:
    """From the names that imports give to what they mean."""
    names: dict[str, str] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
    return names


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (start := _dotted(node.value)):
        return f"{start}.{node.attr}"
    return ""


def endless_calls(house: House) -> list[str]:
    """Calls over the network that could wait for ever."""
    return [
        f"{module.name}:{call.lineno} calls {name} without a timeout"
        for module in house.modules.values()
        for call, name, argument in _network_calls(module)
        if argument not in {keyword.arg for keyword in call.keywords}
    ]


def _network_calls(module: Module) -> Iterator[tuple[ast.Call, str, str]]:
    """Each call, its name, and the argument that bounds it; `session.get` is one where requests are imported."""
    imported = _imported_names(module)
    uses_requests = any(name.partition(".")[0] == "requests" for name in (*imported.values(), *_plain_imports(module)))
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and (name := _dotted(node.func)):
            first, dot, rest = name.partition(".")
            name = imported.get(first, first) + dot + rest
            over_http = uses_requests and name.rpartition(".")[2] in HTTP_METHODS
            if name in TIMEOUT_OF_CALL or (over_http and name.rpartition(".")[0].endswith(("requests", "session"))):
                yield node, name, TIMEOUT_OF_CALL.get(name, "timeout")


def _plain_imports(module: Module) -> list[str]:
    return [alias.name for node in ast.walk(module.tree) if isinstance(node, ast.Import) for alias in node.names]


def missing_floors(house: House) -> list[str]:
    """Files that a feature of the API lacks under its word: schemas, services and the test of its routes."""
    features = {path.stem for path in (house.root / "routes" / "api").glob("*.py")} - NOT_FEATURES
    wanted = [
        floor
        for feature in sorted(features)
        for floor in (
            f"schemas/{PART_OF.get(feature, feature)}.py",
            f"mobile_units/services/{PART_OF.get(feature, feature)}.py",
            f"tests/routes/api/test_{feature}.py",
        )
    ]
    return [floor for floor in wanted if not (house.root / floor).exists()]
