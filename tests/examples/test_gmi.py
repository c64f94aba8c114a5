"""The example programs of GMI Cloud's door, run as a reader would: two turns of one conversation."""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path

import psycopg
import pytest
from PIL import Image

from generations.inputs import decoder
from tests.cast import IMAGE, Cast
from tests.examples.programs import run, snippets
from tests.flows.wire import Books
from tests.house import ROOT, Servers

pytestmark = pytest.mark.slow  # whole programs, each with an interpreter of its own

FOLDER = ROOT / "examples" / "gmi"
PROGRAMS = {
    "python": [sys.executable, str(FOLDER / "converse.py")],
    "curl": ["sh", str(FOLDER / "converse.sh")],
}
PAGE = snippets("gmi.md")


def in_the_second_turn(books: Books, first: bytes) -> None:
    """The first turn's picture, as the gate keeps it, is the second one's input."""
    one, two = books.generations()
    assert one["order"]["inputs"] == []
    (given,) = two["order"]["inputs"]
    assert given["sha256"] == asyncio.run(decoder.decode(first)).sha256
    assert [turn["role"] for turn in two["order"]["turns"]] == ["user", "model", "user"]


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_the_second_turn_is_made_from_the_first_ones_picture(
    cast: Cast, servers: Servers, superuser: psycopg.Connection, tmp_path: Path, program: list[str]
) -> None:
    cast.credit(3)
    done = run([*program, "A red lamp", "Make it blue"], servers.shared().url, cast.key(), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr

    first, second = ((tmp_path / f"turn-{number}.png").read_bytes() for number in (1, 2))
    assert Image.open(io.BytesIO(second)).size == Image.open(io.BytesIO(first)).size
    books = Books(superuser, cast.organization)
    in_the_second_turn(books, first)
    assert books.wallet() == (IMAGE, 0)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_a_program_says_what_the_api_says(
    cast: Cast, servers: Servers, tmp_path: Path, program: list[str]
) -> None:
    done = run(program, servers.shared().url, cast.key(), tmp_path)
    assert done.returncode != 0
    assert "Insufficient credits" in done.stdout + done.stderr


@pytest.mark.parametrize("program", PAGE.values(), ids=PAGE.keys())
def test_each_program_of_the_page_goes_on_with_its_conversation(
    cast: Cast, servers: Servers, superuser: psycopg.Connection, tmp_path: Path, program: list[str]
) -> None:
    cast.credit(2)
    done = run(program, servers.shared().url, cast.key(), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "second.png").read_bytes()
    in_the_second_turn(Books(superuser, cast.organization), (tmp_path / "first.png").read_bytes())
