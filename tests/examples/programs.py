"""Programs for readers, run as readers run them: with two variables exported and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.house import ROOT

RUN = {
    "bash": ["bash", "-euo", "pipefail", "-c"],
    "python": [sys.executable, "-c"],
    "javascript": ["node", "--input-type=module", "-e"],
}
_SNIPPET = re.compile(r"^```(bash|python|javascript)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(command: list[str], url: str, key: str, where: Path) -> subprocess.CompletedProcess[str]:
    """The program's end, with what it said."""
    environ = {"PATH": os.environ["PATH"], "EASEL_URL": url, "EASEL_KEY": key}
    return subprocess.run(
        command, cwd=where, env=environ, capture_output=True, text=True, timeout=90, check=False
    )


def snippets(page: str) -> dict[str, list[str]]:
    """How to run each program of a page under `docs/doors`, by language."""
    found = _SNIPPET.findall((ROOT / "docs" / "doors" / page).read_text())
    assert len(dict(found)) == len(found) == len(RUN), "one program in each language"
    return {language: [*RUN[language], program] for language, program in found}
