"""The shape of the tree: what has its place, what must not exist, and which contracts bite."""

from __future__ import annotations

import ast
import os
import platform as standard_platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("accounts", "billing", "generations", "platform")
CODE = (*ROOMS, "tests", "bench")


def files(*suffixes: str, under: tuple[str, ...] = CODE) -> list[Path]:
    found = [path for room in under for path in (ROOT / room).rglob("*") if path.suffix in suffixes]
    return sorted(path for path in found if "__pycache__" not in path.parts)


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in files(".py", under=ROOMS):
        yield short(path), ast.parse(path.read_text())


# ---- names ----


def test_platform_is_a_source_root_and_no_package() -> None:
    assert not (ROOT / "platform/__init__.py").exists()
    assert Path(standard_platform.__file__).parent == Path(sysconfig.get_path("stdlib"))
    assert standard_platform.python_version()


def test_no_room_is_called_after_nothing() -> None:
    empty = re.compile(r"(^|_)(utils?|helpers?|common|misc|shared|base_?classes)(_|$)")
    named = [short(path) for path in files(".py", ".sql", under=CODE) if empty.search(path.stem)]
    assert named == []


LONG = {
    "generations/spec.py": "the narrow waist is one page on purpose",
    "generations/doors/engine.py": "one request from its first byte to its last",
    "generations/timeline.py": "one account of every second and every token of a generation",
    "platform/config/admin/overview.py": "the dashboard, from its numbers to the rows behind them",
    "platform/runtime/tenancy.py": "scopes, manager and the migration operations that build the walls",
}


def test_no_file_is_longer_than_a_sitting() -> None:
    lengths = {short(path): len(path.read_text().splitlines()) for path in files(".py", ".sql")}
    assert {name: length for name, length in lengths.items() if length > 500} == {}


def test_only_these_files_are_above_three_hundred_lines() -> None:
    """Each one more is a decision: split it, or name it here with its reason."""
    above = {
        short(path)
        for path in files(".py", under=ROOMS)
        if "/migrations/" not in short(path) and len(path.read_text().splitlines()) > 300
    }
    assert above <= set(LONG)


# ---- ways of working ----


def test_nothing_happens_behind_ones_back() -> None:
    """No receivers of Django's signals: a verb says what follows from it."""
    listening = [
        name
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").endswith(("signals", "dispatch"))
    ]
    assert listening == []


SCRIPTS = sorted(path for folder in ("script", ".ci") for path in (ROOT / folder).iterdir() if path.is_file())


@pytest.mark.parametrize("path", SCRIPTS, ids=short)
def test_scripts_hide_no_failure(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\|\|\s*(true|:)", text)
    assert "set -euo pipefail" in text or text.startswith("#!/usr/bin/env python")
    assert os.access(path, os.X_OK)


def test_ci_runs_what_people_run() -> None:
    text = (ROOT / ".ci/run").read_text()
    assert "script/check" in text
    assert "script/test --all" in text


COMMANDS = {
    *(
        "setup_database",
        "seed_catalogue",
        "seed_demo",
        "seed_history",
        "create_organization",
        "create_key",
        "grant",
    ),
    *("create_operator", "prove_ledger", "up", "janitor", "qcluster"),
}


def test_every_command_of_the_fixed_interfaces_exists() -> None:
    assert set(get_commands()) >= COMMANDS


def test_the_lock_names_no_host_and_is_the_only_one() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert [
        line for line in lines if "://" in line or line.startswith(("-i ", "--index", "--extra", "-f "))
    ] == []
    assert not (ROOT / "uv.lock").exists()
    pinned = [line for line in lines if re.match(r"[A-Za-z0-9]", line)]
    assert pinned
    assert [line for line in pinned if "==" not in line] == []


# ---- providers ----


def test_engines_are_named_by_the_channels_and_called_by_the_runner() -> None:
    named, called = set(), set()
    for name, tree in trees():
        for node in ast.walk(tree):
            match node:
                case ast.ImportFrom(module=str(module)) if module.startswith("generations.providers"):
                    named.add(name)
                case ast.Call(func=ast.Attribute(attr="generate")):
                    called.add(name)
    outside = {name for name in named if not name.startswith("generations/providers/")}
    assert outside == {"generations/channels/engines.py", "generations/channels/rows.py"}
    assert called == {"generations/runner.py"}


# ---- the import contracts bite ----

VIOLATIONS = {
    "an app looks up": ("accounts/keys.py", "from billing import ledger", "apps"),
    "the floor knows the house": ("platform/runtime/ids.py", "from accounts import errors", "apps"),
    "a room looks up": ("generations/models/lanes.py", "from generations import runner", "generations"),
    "a room has no name": ("generations/odds.py", "", "generations"),
    "the floor has an unnamed room": ("platform/runtime/odds.py", "", "runtime"),
    "a provider sees a table": (
        "generations/providers/sandbox/__init__.py",
        "from generations import models",
        "providers-blind",
    ),
    "a provider knows the framework": (
        "generations/providers/gemini/request.py",
        "from django.conf import settings",
        "providers-blind",
    ),
    "a dialect bills": (
        "generations/dialects/evolink/order.py",
        "from billing import money",
        "dialects-thin",
    ),
    "a dialect calls a provider": (
        "generations/dialects/openai/order.py",
        "from generations import provider",
        "dialects-thin",
    ),
    "vendors meet": (
        "generations/dialects/evolink/errors.py",
        "from generations.dialects.openai import errors",
        "vendors-alone",
    ),
    "the waist leans on the floor": ("generations/spec.py", "from runtime import ids", "spec-bare"),
    "somebody else reads wallets": (
        "generations/reports.py",
        "from billing.models import Wallet",
        "money-tables",
    ),
    "somebody else makes engines": (
        "generations/runner.py",
        "from generations import providers",
        "provider-door",
    ),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages and their contracts, to be spoiled."""
    place = tmp_path_factory.mktemp("copy")
    shutil.copy(ROOT / "pyproject.toml", place)
    for room in ROOMS:
        shutil.copytree(ROOT / room, place / room, ignore=shutil.ignore_patterns("__pycache__"))
    return place


def lint(place: Path) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(place), str(place / "platform")])
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=place,
        env=os.environ | {"PYTHONPATH": paths, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_import_contracts_hold(copy: Path) -> None:
    checked = lint(copy)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("what", VIOLATIONS)
def test_the_contracts_notice_when(copy: Path, what: str) -> None:
    name, line, contract = VIOLATIONS[what]
    contracts = tomllib.loads((copy / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (title,) = [one["name"] for one in contracts if one["id"] == contract]
    path = copy / name
    before = path.read_text() if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n")
    try:
        checked = lint(copy)
    finally:
        path.unlink() if before is None else path.write_text(before)
    assert checked.returncode == 1, checked.stdout
    assert f"{title} BROKEN" in checked.stdout.replace("\n", " ")
