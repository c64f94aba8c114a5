"""The official clients, and who uses them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cast import Cast
from tests.clients import install
from tests.clients.talk import Caller, Program
from tests.flows.wire import Books
from tests.house import Servers

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Program]:
    """Makes the program of a client family, with the clients of `new` or `old` Python or of `node`."""

    def make(family: str, runtime: str) -> Program:
        if runtime == "node":
            return _node(family, tmp_path_factory.mktemp("node"))
        python = sys.executable if runtime == "new" else _installed(install.old_python)
        return Program(runtime, (python, PROGRAMS / f"{family}.py"), install.ROOT)

    return make


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    """A folder in which JavaScript programs find the official clients."""
    return _with_clients(tmp_path)


def _node(family: str, folder: Path) -> Program:
    """The program goes where its imports are: node looks for them beside it."""
    _with_clients(folder)
    shutil.copy(PROGRAMS / f"{family}.mjs", folder)
    return Program("node", ("node", folder / f"{family}.mjs"), folder)


def _with_clients(folder: Path) -> Path:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    (folder / "node_modules").symlink_to(_installed(install.node_folder) / "node_modules")
    return folder


def _installed(clients: Callable[[], Path]) -> Path:
    try:
        return clients()
    except install.NotInstalled as reason:
        pytest.fail(str(reason), pytrace=False)


@pytest.fixture
def url(servers: Servers) -> str:
    """Where the shared server listens."""
    return servers.shared().url


@pytest.fixture
def books(superuser: psycopg.Connection[Any], cast: Cast) -> Books:
    """The books of the organization that the test is about."""
    return Books(superuser, cast.organization)


@pytest.fixture
def caller(program: Program, url: str, cast: Cast) -> Caller:
    """The client of the test, with a live key and credit for ten images."""
    cast.credit(10)
    return Caller(program, url, cast.key())


@pytest.fixture
def impatient(servers: Servers) -> Iterator[str]:
    """The address of a server that waits for two seconds only."""
    web = servers.web(EASEL_SYNC_WAIT_SECONDS="2")
    yield web.url
    web.stop()
