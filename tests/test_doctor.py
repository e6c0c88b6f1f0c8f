"""The doctor: what is wrong with an installation is found and told with its cure."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, text, update

from mobile_units import crypto, db, doctor, migrations
from mobile_units.config import Settings
from mobile_units.doctor import Finding, Severity, examine
from mobile_units.models.transmissions import MessageState, OutboxMessage
from mobile_units.sandbox.server import SandboxServer
from mobile_units.services import reference
from tests import factories, factories_booking, factories_transmission
from tests.conftest import new_database
from tests.environment import environment


@pytest.fixture(scope="module")
def own(settings: Settings, server_url: str) -> Settings:
    """Settings on a database of this module, migrated, with reference data and nothing else; nobody at the other end."""
    made = replace(settings, database_url=new_database(server_url, "doctor"), cer_url="http://127.0.0.1:1/services")
    engine = db.engine_of(made)
    migrations.upgrade(engine)
    with db.transaction(engine) as session:
        reference.load_reference_data(session)
    engine.dispose()
    return made


@pytest.fixture(scope="module")
def used(own: Settings, settings: Settings, server_url: str) -> Settings:
    """The same in use: a provider with user, contract, and two women."""
    made = replace(own, database_url=new_database(server_url, "doctor-used"))
    engine = db.engine_of(made)
    migrations.upgrade(engine)
    with db.transaction(engine) as session:
        provider = factories.provider(session)
        factories.user(session, provider.id)
        factories_booking.contract(session, provider.id, ["01.0034.101.01"])
        for _ in range(2):
            factories_booking.woman(session, provider.id)
    engine.dispose()
    return made


@pytest.fixture(autouse=True)
def keys_as_before(settings: Settings) -> object:
    """The keys of the test database, after the doctor tried others."""
    yield
    crypto.load_keys(settings)


def findings(settings: Settings, **variables: str) -> dict[str, Finding]:
    """What is found, by what is said of it; the settings may be overruled by variables."""
    return {finding.text: finding for finding in examine(environment(settings) | variables)}


def errors(settings: Settings, **variables: str) -> list[str]:
    """What keeps the installation from working, apart from the central system that nobody started."""
    found = findings(settings, **variables).values()
    return [each.text for each in found if each.severity is Severity.ERROR and "nobody answers" not in each.text]
