"""The JavaScript programs of the examples and of the doors' pages, with the official clients."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests.cast import IMAGE, Cast
from tests.examples.programs import run, snippets
from tests.flows.wire import Books
from tests.house import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

DRAWN = {
    "gemini": {
        "turn-1.png": (1248, 832),
        "turn-2.png": (1248, 832),
        "turn-3.png": (1248, 832),
        "mixed.png": (1248, 832),
        "watched.png": (1024, 1024),
    },
    "openai": {
        "drawn.png": (1344, 768),
        "changed.webp": (1344, 768),
        "watched-0.png": (128, 128),
        "watched-1.png": (256, 256),
        "watched.png": (1024, 1024),
    },
}


@pytest.fixture
def key(cast: Cast) -> str:
    """A live key with credit for ten images."""
    cast.credit(10)
    return cast.key()


@pytest.mark.parametrize("door, program, images", [("gemini", "paint", 5), ("openai", "main", 4)])
def test_an_example_draws_its_pictures(
    workshop: Path, url: str, key: str, books: Books, door: str, program: str, images: int
) -> None:
    shutil.copy(ROOT / "examples" / door / f"{program}.mjs", workshop)
    (made := workshop / "made").mkdir()
    done = run(["node", str(workshop / f"{program}.mjs"), "made"], url, key, workshop)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name: Image.open(path).size for path in made.iterdir()} == DRAWN[door]
    assert books.wallet() == ((10 - images) * IMAGE, 0)


@pytest.mark.parametrize("door", ["gemini", "openai"])
def test_the_program_of_a_page_draws_its_picture(workshop: Path, url: str, key: str, door: str) -> None:
    done = run(snippets(f"{door}.md")["javascript"], url, key, workshop)
    assert done.returncode == 0, done.stdout + done.stderr
    assert Image.open(workshop / "lamp.png").size == (1248, 832)


def test_the_lock_names_no_host_and_is_what_was_asked_for() -> None:
    lock = (ROOT / "tests/clients/package-lock.json").read_text()
    assert '"resolved"' not in lock
    listed = subprocess.run(
        ["npm", "ls", "--package-lock-only", "--all"],
        cwd=ROOT / "tests/clients",
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert listed.returncode == 0, listed.stderr
