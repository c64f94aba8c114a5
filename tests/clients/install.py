"""Official clients of other languages and versions, installed once from their locks into `.clients/`.

To lock anew, in this folder: `uv pip compile --universal --python-version 3.11 --generate-hashes --no-header
--no-annotate old-requirements.in -o old-requirements.lock` and `npm install --package-lock-only`. The
JavaScript clients are the newest that run on node 20.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
HOME = ROOT / ".clients"
INSTALL_SECONDS = 540
REMEDY = {
    "python": "check the network or your package index settings (PIP_INDEX_URL, PIP_CERT)",
    "node": "check the network or your npm settings (npm config get registry)",
}


class NotInstalled(Exception):
    """Says in a sentence why the clients are not there, and what to do."""


def old_python() -> Path:
    """An interpreter that has the official Python clients of the generation before. Raises
    NotInstalled."""
    return _once("python", (HERE / "old-requirements.lock",), _install_python) / "bin/python"


def node_folder() -> Path:
    """A folder whose programs find the official JavaScript clients. Raises NotInstalled."""
    return _once("node", (HERE / "package.json", HERE / "package-lock.json"), _install_node)


def _once(name: str, locks: Sequence[Path], install: Callable[[Path], None]) -> Path:
    """The folder, as its locks say. One process installs, the others wait for it."""
    folder, content = HOME / name, b"".join(lock.read_bytes() for lock in locks)
    wanted = hashlib.sha256(content + os.fsencode(folder)).hexdigest()
    marker = folder / "installed"
    HOME.mkdir(exist_ok=True)
    with (HOME / f"{name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not marker.exists() or marker.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            install(folder)
            marker.write_text(wanted)
    return folder


def _install_python(folder: Path) -> None:
    """pip installs, because it reads this machine's settings; uv makes the environment, because Debian's
    Python cannot."""
    base = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    _run("python", ROOT / ".tools/bin/uv", "venv", "--quiet", "--python", base, folder)
    pip = (base, "-m", "pip", "--python", folder / "bin/python", "install", "--quiet")
    _run("python", *pip, "--require-hashes", "--requirement", HERE / "old-requirements.lock")


def _install_node(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NotInstalled("node is here but npm is not: install npm to run the JavaScript clients.")
    folder.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    _run("node", npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", cwd=folder)


def _run(kind: str, *command: str | Path, cwd: Path = ROOT) -> None:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    if done.returncode:
        said = (done.stderr or done.stdout)[-1500:]
        raise NotInstalled(f"The official clients could not be installed: {REMEDY[kind]}.\n{said}")
