"""The sandbox as the tests want it: plain, or with certificates that are made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mobile_units.sandbox.certificates import Certificates, make
from mobile_units.sandbox.server import SandboxServer
from tests.sandbox import raw


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The certificates of the sandbox."""
    return make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SandboxServer]:
    """A central system without memories that authenticates nobody, with its page."""
    with SandboxServer(tmp_path / "state.db", page_port=0) as server:
        yield server


@pytest.fixture
def secured(tmp_path: Path, certificates: Certificates) -> Iterator[SandboxServer]:
    """A central system that wants certificates and signatures."""
    with SandboxServer(tmp_path / "secured.db", certificates=certificates, page_port=0) as server:
        yield server


@pytest.fixture
def cer(server: SandboxServer) -> Iterator[raw.Caller]:
    """A provider that calls the plain one."""
    with raw.caller(server.address) as caller:
        yield caller


@pytest.fixture
def other(server: SandboxServer) -> Iterator[raw.Caller]:
    """Another provider that calls it."""
    with raw.caller(server.address, book=raw.OTHER_BOOK) as caller:
        yield caller


@pytest.fixture
def signing(secured: SandboxServer, certificates: Certificates) -> Iterator[raw.Caller]:
    """A provider that calls the secured one as it wants to be called."""
    with raw.caller(secured.address, certificates) as caller:
        yield caller
