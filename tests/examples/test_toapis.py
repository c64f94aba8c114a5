"""The example programs of ToAPIs' door, run as a reader would."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import psycopg
import pytest
from PIL import Image

from tests.cast import IMAGE, Cast
from tests.examples.programs import run, snippets
from tests.flows.wire import Books
from tests.house import ROOT, Servers

pytestmark = pytest.mark.slow  # whole programs, each with an interpreter of its own

FOLDER = ROOT / "examples" / "toapis"
PAGE = snippets("toapis.md")


def pixels(file: Path) -> tuple[int, int]:
    return Image.open(io.BytesIO(file.read_bytes())).size


def test_the_python_program_draws_uploads_and_draws_again(
    cast: Cast, servers: Servers, superuser: psycopg.Connection, tmp_path: Path
) -> None:
    cast.credit(3)
    words = ["A red lamp on a desk", "Now it is night"]
    done = run([sys.executable, str(FOLDER / "draw.py"), *words], servers.shared().url, cast.key(), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    assert (pixels(first), pixels(second)) == ((1344, 768), (1344, 768))
    assert first.read_bytes() != second.read_bytes()
    assert done.stdout.count("for 7.74 credits") == 2
    assert done.stdout.endswith("left: 7.74 credits\n")
    assert Books(superuser, cast.organization).wallet() == (IMAGE, 0)


def test_the_python_program_says_what_the_api_says(cast: Cast, servers: Servers, tmp_path: Path) -> None:
    done = run([sys.executable, str(FOLDER / "draw.py")], servers.shared().url, cast.key(), tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("402: Insufficient quota")


def test_the_curl_program_draws(cast: Cast, servers: Servers, tmp_path: Path) -> None:
    done = run(["sh", str(FOLDER / "draw.sh"), 'A "lamp"'], servers.shared().url, cast.key("test"), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert pixels(tmp_path / "picture.png") == (1024, 1024)
    assert "for 7.74 credits" in done.stdout


def test_the_curl_program_stops_at_an_error(servers: Servers, tmp_path: Path) -> None:
    done = run(["sh", str(FOLDER / "draw.sh")], servers.shared().url, "easel_test_wrong", tmp_path)
    assert done.returncode != 0
    assert "Authentication failed" in done.stdout + done.stderr


@pytest.mark.parametrize("program", PAGE.values(), ids=PAGE.keys())
def test_each_program_of_the_page_draws_its_picture(
    cast: Cast, servers: Servers, superuser: psycopg.Connection, tmp_path: Path, program: list[str]
) -> None:
    cast.credit(2)
    done = run(program, servers.shared().url, cast.key(), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert pixels(tmp_path / "panda.png") == (1344, 768)
    assert Books(superuser, cast.organization).wallet() == (IMAGE, 0)
