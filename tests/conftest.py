"""The test house: one PostgreSQL for the run, one database per worker, a fresh organization per test.

Nothing is rolled back and nothing is mocked: code runs as the login role that owns nothing, every
test makes its own organization, and tenancy itself keeps the tests apart.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

if TYPE_CHECKING:
    from tests.cast import Cast
    from tests.house import Servers


def _set_environment() -> None:
    """Before Django reads its settings: a data home of this run's own, and no key of the shell.

    A worker of xdist is born with what was set here: pytest-django has read its settings already, and
    servers with another home would have other secrets.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    for name in [
        n for n in os.environ if n.startswith(("EASEL_", "DATABASE_", "GEMINI_", "GOOGLE_", "OPENAI_"))
    ]:
        if name not in ("EASEL_TRIALS", "EASEL_TEST_DATA"):
            del os.environ[name]
    home = Path(tempfile.mkdtemp(prefix="easel-test-"))
    home.chmod(0o755)
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ.update(
        EASEL_ENV="test",
        EASEL_DATA=str(home),
        EASEL_RATE_LIMIT="1000000",
        EASEL_BAD_KEY_LIMIT="1000000",
        DJANGO_SETTINGS_MODULE="config.settings",
    )


_set_environment()

import django  # noqa: E402  after the environment

django.setup()
for talkative in ("httpx", "httpx2", "httpcore", "httpcore2"):
    logging.getLogger(talkative).setLevel(logging.WARNING)  # what failed shall not drown in what went well


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Any:
    """Under a failed test: what the servers said of errors meanwhile, for those who cannot look."""
    report = yield
    servers = getattr(item, "funcargs", {}).get("servers")
    if report.failed and servers is not None and (said := servers.complaints()):
        report.sections.append(("what the servers complained of", said))
    return report


@pytest.fixture(scope="session")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The PostgreSQL server that all workers of this run share; the last one out stops it."""
    from runtime import embedded

    base = Path(
        os.environ.get("EASEL_TEST_DATA") or Path(tempfile.gettempdir()) / f"easel-test-pg-{os.getuid()}"
    )
    base.mkdir(parents=True, exist_ok=True)
    base.chmod(0o755)
    with embedded.session(base) as server:
        yield server


def _migrations_digest() -> str:
    """Changes whenever the tables would."""
    digest = hashlib.sha256()
    migrations = [*ROOT.glob("*/migrations/*.py"), *ROOT.glob("*/migrations/sql/*.sql")]
    others = ("platform/runtime/tenancy.py", "platform/config/roles.py", "generations/catalogue.json")
    for path in sorted([*migrations, *(ROOT / name for name in others)]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _url(url: str, name: str) -> str:
    from tests.house import with_database

    return with_database(url, name)


@contextmanager
def _copy_of_template(server: Any, name: str) -> Iterator[str]:
    """A database copied from a template that is migrated once per state of the migrations."""
    from tests.house import build_template

    template = f"template_{_migrations_digest()}"
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(7)")
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (template,)).fetchone():
            build_template(server, template)
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        admin.execute("SELECT pg_advisory_unlock(7)")
    yield name
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def _database_name(_server: Any, worker_id: str) -> Iterator[str]:
    """A database of this worker's own."""
    with _copy_of_template(_server, f"test_{worker_id}_{os.getpid()}") as name:
        yield name


def _connect_django_to(url: str) -> None:
    from django.conf import settings
    from django.db import connections

    from runtime import database as threads
    from tests.house import django_settings

    threads.close()
    connections["default"].close()
    os.environ["DATABASE_URL"] = url
    settings.DATABASES["default"].update(django_settings(url))
    connections["default"].settings_dict.update(django_settings(url))


@pytest.fixture(scope="session")
def database(_server: Any, _database_name: str, django_db_blocker: Any) -> Iterator[str]:
    """A migrated database with its catalogue; the code under test is connected to it as the login
    role. Gives the login URL."""
    url = _url(_server.url, _database_name)
    _connect_django_to(url)
    with django_db_blocker.unblock():
        yield url
        from django.db import connections

        from runtime import database as threads

        threads.close()
        connections["default"].close()


@pytest.fixture(scope="session")
def admin_url(_server: Any, _database_name: str) -> str:
    """The administrator's URL of the worker's database."""
    return _url(_server.admin_url, _database_name)


@pytest.fixture(scope="module")
def quiet_database(database: str, _server: Any, worker_id: str) -> Iterator[str]:
    """A database of this module's own, in which no cluster or janitor runs: nobody else claims, reaps
    or counts there. Gives the administrator's URL."""
    with _copy_of_template(_server, f"quiet_{worker_id}_{os.getpid()}") as name:
        _connect_django_to(_url(_server.url, name))
        yield _url(_server.admin_url, name)
        _connect_django_to(database)


@pytest.fixture
def superuser(database: str, admin_url: str) -> Iterator[psycopg.Connection]:
    """A connection that no wall holds, for breaking things on purpose."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def cast(database: str) -> Cast:
    """An owner, a developer and a viewer of one organization, and a stranger with his own."""
    from tests.cast import make_cast

    return make_cast()


@pytest.fixture
def organization(cast: Cast) -> Any:
    """A fresh organization with an owner and no credit."""
    return cast.organization


@pytest.fixture(scope="session")
def servers(database: str, admin_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Starts real programs (web, clusters, janitors) against the worker's database, and ends them."""
    from tests.house import Servers

    with Servers(database, tmp_path_factory.mktemp("servers")) as running:
        yield running
