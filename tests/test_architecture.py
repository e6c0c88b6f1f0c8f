"""The rules of the house, kept by the source as it is; each is shown to notice the tree that breaks it."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mobile_units.config import Settings
from tests import architecture
from tests.architecture import House
from tests.environment import environment

ROOT = Path(__file__).parents[1]
OURS = House(ROOT)
TOO_HEAVY = {"zeep", "numba", "numpy", "openpyxl"}
"""Libraries that take long to load and that no request for a page needs."""

RULES: Mapping[Callable[[House], list[str]], Mapping[str, str]] = {
    architecture.layers: {
        "mobile_units/models/sites.py": "from mobile_units.services import sites",
        "mobile_units/services/sites.py": "def find():\n    from routes.app import create_app",
        "mobile_units/sandbox/server.py": "import mobile_units.transmission.soap",
        "mobile_units/transmission/soap.py": "import mobile_units.planning.solver",
        "mobile_units/planning/solver.py": "",
        "mobile_units/helpers/text.py": "",
        "routes/app.py": "from mobile_units.transmission import soap",
    },
    architecture.cycles: {
        "mobile_units/models/sites.py": "from mobile_units.models.units import MobileUnit",
        "mobile_units/models/units.py": "def sites():\n    from mobile_units.models import sites",
    },
    architecture.outbox_only: {
        "mobile_units/services/visits.py": "from mobile_units.transmission import messages, outbox, soap",
        "mobile_units/transmission/messages.py": "",
        "mobile_units/transmission/outbox.py": "",
        "mobile_units/transmission/soap.py": "",
    },
    architecture.libraries: {
        "mobile_units/transmission/worker.py": "from zeep.transports import Transport",
        "mobile_units/transmission/soap.py": "import zeep",
        "mobile_units/services/plans.py": "import numba",
        "mobile_units/cli.py": "import flask",
        "mobile_units/errors.py": "from marshmallow import ValidationError",
        "routes/app.py": "from flask import Flask",
    },
    architecture.partial_judges: {
        "mobile_units/planning/model.py": "from mobile_units.planning.check import shares",
        "mobile_units/planning/drives.py": "from mobile_units.planning.clients import divided",
        "mobile_units/planning/check.py": "",
        "mobile_units/planning/clients.py": "",
        "mobile_units/planning/repair.py": "from mobile_units.planning.check import check",
    },
    architecture.impure_rules: {
        "mobile_units/rules/slots.py": "from sqlalchemy import select\nfrom datetime import date",
        "mobile_units/rules/visits.py": "from mobile_units.models.visits import Visit",
        "mobile_units/rules/women.py": "from mobile_units.clock import WARSAW, now",
        "mobile_units/rules/stops.py": "from mobile_units import clock",
        "mobile_units/rules/calendar.py": "import holidays\nfrom mobile_units.errors import DomainError",
    },
    architecture.clock_readers: {
        "mobile_units/clock.py": "from datetime import datetime\nnow = datetime.now",
        "mobile_units/services/slots.py": "from datetime import date as day\nday.today()",
        "mobile_units/services/visits.py": "import datetime\ndatetime.datetime.now()",
        "routes/auth.py": "import time\ntime.monotonic()\ntime.time()",
        "schemas/base.py": "import dataclasses\nfrom datetime import datetime\nfield(default_factory=datetime.utcnow)",
    },
    architecture.endless_calls: {
        "mobile_units/transmission/soap.py": "import requests\nself.session.post(url, timeout=2)\nrequests.get(url)",
        "mobile_units/doctor.py": "from requests import Session\nwith Session() as session:\n    session.get(url)",
        "mobile_units/embedded.py": "import psycopg\npsycopg.connect(url)",
        "mobile_units/demo/run.py": "from urllib.request import urlopen\nurlopen(url)\nurlopen(url, timeout=2)",
        "mobile_units/services/sites.py": "session.get(Site, 1)",
    },
    architecture.missing_floors: {
        "routes/api/api.py": "",
        "routes/api/tokens.py": "",
        "routes/api/sites.py": "",
        "schemas/sites.py": "",
        "schemas/users.py": "",
        "mobile_units/services/users.py": "",
        "tests/routes/api/test_tokens.py": "",
    },
}
"""Each rule, and a small tree that breaks it."""

BROKEN: Mapping[Callable[[House], list[str]], set[str]] = {
    architecture.layers: {
        "mobile_units.models.sites imports mobile_units.services.sites",
        "mobile_units.services.sites imports routes.app",
        "mobile_units.sandbox.server imports mobile_units.transmission.soap",
        "mobile_units.transmission.soap imports mobile_units.planning.solver",
        "mobile_units.helpers.text has no layer",
        "routes.app imports mobile_units.transmission.soap",
    },
    architecture.cycles: {"mobile_units.models.sites", "mobile_units.models.units"},
    architecture.outbox_only: {"mobile_units.services.visits imports mobile_units.transmission.soap"},
    architecture.libraries: {
        "mobile_units.transmission.worker imports zeep.transports.Transport",
        "mobile_units.services.plans imports numba",
        "mobile_units.cli imports flask",
        "mobile_units.errors imports marshmallow.ValidationError",
    },
    architecture.partial_judges: {
        "mobile_units.planning.model imports mobile_units.planning.check.shares",
        "mobile_units.planning.drives imports mobile_units.planning.clients.divided",
    },
    architecture.impure_rules: {
        "mobile_units.rules.slots imports sqlalchemy.select",
        "mobile_units.rules.visits imports mobile_units.models.visits.Visit",
        "mobile_units.rules.women imports mobile_units.clock.now",
        "mobile_units.rules.stops imports mobile_units.clock",
    },
    architecture.clock_readers: {
        "mobile_units.services.slots:2 reads datetime.date.today",
        "mobile_units.services.visits:2 reads datetime.datetime.now",
        "routes.auth:3 reads time.time",
        "schemas.base:3 reads datetime.datetime.utcnow",
    },
    architecture.endless_calls: {
        "mobile_units.transmission.soap:3 calls requests.get without a timeout",
        "mobile_units.doctor:3 calls session.get without a timeout",
        "mobile_units.embedded:2 calls psycopg.connect without a timeout",
        "mobile_units.demo.run:2 calls urllib.request.urlopen without a timeout",
    },
    architecture.missing_floors: {"mobile_units/services/sites.py", "tests/routes/api/test_sites.py"},
}
"""What each rule has to find in the tree that breaks it, and nothing more."""


def named(rule: Callable[[House], list[str]]) -> str:
    """The name of a rule, for the name of its test."""
    return rule.__name__


def build(root: Path, files: Mapping[str, str]) -> House:
    """A tree with these files."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return House(root)


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_the_source_keeps_the_rule(rule: Callable[[House], list[str]]) -> None:
    """Nothing in the tree breaks it."""
    assert rule(OURS) == []


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_the_rule_notices_what_breaks_it(rule: Callable[[House], list[str]], tmp_path: Path) -> None:
    """In a small tree made to break it, each break is named, and nothing that is right."""
    assert set(rule(build(tmp_path, RULES[rule]))) == BROKEN[rule]


def test_all_source_is_read() -> None:
    """The rules look at every floor, and know no layer that is gone."""
    found = {module.layer for module in OURS.modules.values()} - {""}
    assert found == set(architecture.MAY_IMPORT)


def test_the_web_starts_without_what_only_a_few_commands_need(settings: Settings) -> None:
    """Planning, SOAP and spreadsheets are loaded by those who plan, hand over and import."""
    heavy = f"import json, sys, wsgi; print(json.dumps(sorted({TOO_HEAVY!r} & set(sys.modules))))"
    done = subprocess.run(
        [sys.executable, "-c", heavy], env=environment(settings), capture_output=True, check=True, cwd=ROOT
    )
    assert json.loads(done.stdout) == []
