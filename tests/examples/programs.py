"""Programs for readers, run as readers run them: with two variables exported and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import ROOT

RUN = {
    "bash": ["bash", "-euo", "pipefail", "-c"],
    "python": [sys.executable, "-c"],
    "javascript": ["node", "--input-type=module", "-e"],
}
TOOLS = ("curl", "jq", "node")
_SNIPPET = re.compile(r"^```(bash|python|javascript)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(command: list[str], url: str, key: str, where: Path) -> subprocess.CompletedProcess[str]:
    """The program's end, with what it said. Skips where the machine lacks a tool that it calls."""
    need_tools(command)
    environ = {"PATH": os.environ["PATH"], "EASEL_URL": url, "EASEL_KEY": key}
    return subprocess.run(
        command, cwd=where, env=environ, capture_output=True, text=True, timeout=90, check=False
    )


def need_tools(command: list[str]) -> None:
    """Skip where the machine lacks a tool that the program calls."""
    files = [Path(word) for word in command if len(word) < 200 and Path(word).suffix in (".sh", ".mjs")]
    text = " ".join([*command, *(file.read_text() for file in files)])
    called = {command[0], *(tool for tool in TOOLS if re.search(rf"\b{tool}\b", text))}
    for tool in sorted(called & set(TOOLS)):
        if command[0] != sys.executable and shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed here")


def snippets(page: str) -> dict[str, list[str]]:
    """How to run each program of a page under `docs/doors`, by language."""
    found = _SNIPPET.findall((ROOT / "docs" / "doors" / page).read_text())
    assert len(dict(found)) == len(found) == len(RUN), "one program in each language"
    return {language: [*RUN[language], program] for language, program in found}
