"""The programs of examples/openai and of docs/doors/openai.md do what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.cast import IMAGE, Cast
from tests.examples.programs import need_tools
from tests.flows.wire import Books

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples/openai"
PAGE = (ROOT / "docs/doors/openai.md").read_text()
SNIPPETS = dict(re.findall(r"^```(bash|python|javascript)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
RUN = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}


@pytest.fixture
def environ(url: str, cast: Cast) -> dict[str, str]:
    """What a reader of the page has exported."""
    cast.credit(10)
    return os.environ | {"EASEL_URL": url, "EASEL_KEY": cast.key()}


def run(command: list[str], environ: dict[str, str], folder: Path) -> str:
    need_tools(command)
    done = subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_has_a_program_in_each_language() -> None:
    assert set(SNIPPETS) == {"bash", "python", "javascript"}


@pytest.mark.parametrize("language", RUN)
def test_a_program_of_the_page_draws_its_picture(
    environ: dict[str, str], tmp_path: Path, books: Books, language: str
) -> None:
    run([*RUN[language], SNIPPETS[language]], environ, tmp_path)
    assert Image.open(tmp_path / "lamp.png").size == (1248, 832)
    assert books.wallet() == (9 * IMAGE, 0)


def test_the_python_example_draws_changes_repaints_and_streams(
    environ: dict[str, str], tmp_path: Path, books: Books
) -> None:
    said = run([sys.executable, str(EXAMPLES / "main.py")], environ, tmp_path)
    sizes = {path.name: Image.open(path).size for path in tmp_path.iterdir()}
    assert sizes == {
        "drawn.png": (1344, 768),
        "changed.webp": (1344, 768),
        "repainted.png": (1344, 768),
        "watched-0.png": (128, 128),
        "watched-1.png": (256, 256),
        "watched.png": (1024, 1024),
    }
    assert "refused: Error code: 400" in said
    assert "x-easel-adjusted: size 1792x1024 -> 1344x768" in said
    assert books.wallet() == (5 * IMAGE, 0)


def test_the_curl_example_draws_changes_and_streams(
    environ: dict[str, str], tmp_path: Path, books: Books
) -> None:
    said = run([str(EXAMPLES / "main.sh"), str(tmp_path)], environ, tmp_path)
    kinds = {path.name: Image.open(path).format for path in tmp_path.iterdir()}
    assert kinds == {"drawn.png": "PNG", "changed.jpg": "JPEG", "both.png": "PNG"}
    assert ": generation " in said
    assert "event: image_generation.completed" in said
    assert '"remaining_credits":"0.2322"' in said
    assert books.wallet() == (6 * IMAGE, 0)
