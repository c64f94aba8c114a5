"""The example programs of Google's door and of its page, run as a reader would."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from google.genai import types
from PIL import Image

from tests.cast import IMAGE, Cast
from tests.examples.programs import run, snippets
from tests.flows.wire import Books
from tests.house import ROOT, Servers

pytestmark = pytest.mark.slow  # whole programs, each with an interpreter of its own

FOLDER = ROOT / "examples" / "gemini"
PAGE = {name: program for name, program in snippets("gemini.md").items() if name != "javascript"}


@pytest.fixture
def books(superuser: object, cast: Cast) -> Books:
    """The books of the organization that the program belongs to."""
    return Books(superuser, cast.organization)  # type: ignore[arg-type]


def sizes(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: Image.open(path).size for path in folder.glob("*.png")}


def test_the_python_program_converses_mixes_streams_and_explains(
    cast: Cast, servers: Servers, books: Books, tmp_path: Path
) -> None:
    cast.credit(6)
    done = run([sys.executable, str(FOLDER / "paint.py")], servers.shared().url, cast.key(), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    turns = dict.fromkeys(("turn-1.png", "turn-2.png", "turn-3.png", "mixed.png"), (1248, 832))
    assert sizes(tmp_path) == turns | {"watched.png": (1024, 1024)}
    *_, third, mixed, watched = books.generations()
    assert [turn["role"] for turn in third["order"]["turns"]] == ["user", "model", "user", "model", "user"]
    assert len(mixed["order"]["inputs"]) == 1
    assert f"generation {watched['id']}" in done.stdout
    assert "404 NOT_FOUND models/gemini-1.0-pro is not found" in done.stdout
    assert books.wallet() == (IMAGE, 0)


def test_the_curl_program_draws_changes_and_streams(
    cast: Cast, servers: Servers, books: Books, tmp_path: Path
) -> None:
    cast.credit(4)
    done = run(["bash", str(FOLDER / "paint.sh")], servers.shared().url, cast.key(), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sizes(tmp_path) == {"drawn.png": (1248, 832), "changed.png": (1248, 832)}
    assert f"x-easel-generation: {books.generations()[-1]['id']}" in done.stdout.lower()
    assert '"totalTokens":2' in done.stdout
    assert books.wallet() == (IMAGE, 0)


@pytest.mark.parametrize("program", ["paint.py", "paint.sh"])
def test_a_program_says_what_the_api_says(cast: Cast, servers: Servers, tmp_path: Path, program: str) -> None:
    command = [sys.executable if program.endswith("py") else "bash", str(FOLDER / program)]
    done = run(command, servers.shared().url, cast.key(), tmp_path)
    assert done.returncode != 0
    assert "Insufficient balance" in done.stdout + done.stderr


@pytest.mark.parametrize("program", PAGE.values(), ids=PAGE.keys())
def test_each_program_of_the_page_changes_the_picture_that_it_drew(
    cast: Cast, servers: Servers, books: Books, tmp_path: Path, program: list[str]
) -> None:
    cast.credit(2)
    done = run(program, servers.shared().url, cast.key(), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sizes(tmp_path) == {"lamp.png": (1248, 832)}
    drawn, changed = books.generations()
    assert (len(drawn["order"]["inputs"]), len(changed["order"]["inputs"])) == (0, 1)
    assert books.wallet() == (0, 0)


# ---- the page names every field --------------------------------------------------------------


def fields(*kinds: type) -> set[str]:
    """The names, as they are sent, of everything that the official client can say."""
    return {field.alias or name for kind in kinds for name, field in kind.model_fields.items()}  # type: ignore[attr-defined]


CLIENTS_OWN = {"httpOptions", "shouldReturnHttpResponse", "automaticFunctionCalling", "automaticContinuation"}
"""Settings of the client itself, which it sends to nobody."""


def test_the_page_says_what_becomes_of_every_field_that_the_official_client_knows() -> None:
    page = (ROOT / "docs/doors/gemini.md").read_text()
    known = fields(
        types.GenerateContentConfig,
        types.GenerationConfig,
        types.ImageConfig,
        types.ImageConfigImageOutputOptions,
        types.ImageResponseFormat,
        types.ResponseFormat,
        types.ThinkingConfig,
        types.SafetySetting,
        types.Content,
        types.Part,
        types.Blob,
        types.FileData,
    )
    ours = {"data", "mimeType", "fileUri", "parts"}  # within inlineData, fileData, contents
    named = set(re.findall(r"`(?:\w+\[\]\.)?(\w+)(?:\[\])?`", page))
    assert known - CLIENTS_OWN - ours - named == set()
