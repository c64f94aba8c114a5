"""A ground of its own for each file: database, upstream, programs with short clocks."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.faults.ground import Ground, point_django_at
from tests.faults.proof import prove_ledger
from tests.house import Servers, with_database
from tests.upstreams.gemini import Upstream

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder kills or starves something."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.fault)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for its `trial` runs EASEL_TRIALS times; one that asks for its `turn` has variants
    that share these trials among them."""
    trials = int(os.environ.get("EASEL_TRIALS", "3"))
    if "trial" in metafunc.fixturenames:
        metafunc.parametrize("trial", range(trials))
    if "turn" in metafunc.fixturenames:
        metafunc.parametrize("turn", range(math.ceil(trials / 4)))


@pytest.fixture(scope="module")
def ground(
    _server: Any, database: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    """An empty database like every test's, an upstream that counts, and nothing running yet. Django in
    this process is connected to that database, too."""
    from tests.conftest import _migrations_digest

    name = f"fault_{request.module.__name__.rpartition('.')[2]}_{os.getpid()}"
    with psycopg.connect(_server.admin_url, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "template_{_migrations_digest()}"')
    url = with_database(_server.url, name)
    point_django_at(url)
    try:
        with Upstream.in_thread() as google, Servers(url, tmp_path_factory.mktemp("servers")) as servers:
            ground = Ground(servers, google, with_database(_server.admin_url, name))
            yield ground
            ground.end(*servers.programs)
            prove_ledger(ground)
    finally:
        point_django_at(database)
        with psycopg.connect(_server.admin_url, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
