"""The example programs of EvoLink's door, run as a reader would."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from PIL import Image

from tests.cast import IMAGE, Cast
from tests.dialects.desk import picture
from tests.examples.programs import need_tools
from tests.flows.wire import Books
from tests.house import ROOT, Servers

pytestmark = pytest.mark.slow  # whole programs, each with an interpreter of its own

FOLDER = ROOT / "examples" / "evolink"
PYTHON = [sys.executable, str(FOLDER / "restyle.py")]
CURL = ["sh", str(FOLDER / "restyle.sh")]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture of 16:9."""
    (made := tmp_path / "a photo.png").write_bytes(picture(width=320, height=180))
    return made


def run(command: list[str], photo: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    need_tools(command)
    environ = {"PATH": os.environ["PATH"], **environ}
    return subprocess.run(
        command, cwd=photo.parent, env=environ, capture_output=True, text=True, timeout=90, check=False
    )


def pixels(file: Path) -> tuple[int, int]:
    return Image.open(io.BytesIO(file.read_bytes())).size


def test_the_python_program_uploads_draws_lists_and_tells_the_credit(
    cast: Cast, servers: Servers, superuser: psycopg.Connection, photo: Path
) -> None:
    cast.credit(2)
    words = [str(photo), "A watercolour"]
    done = run([*PYTHON, *words], photo, EASEL_URL=servers.shared().url, EASEL_KEY=cast.key())
    assert done.returncode == 0, done.stdout + done.stderr
    assert pixels(photo.parent / "result-1.png") == (1344, 768)
    assert "2.6316 credits reserved" in done.stdout
    assert "1 pictures, 2.6316 credits" in done.stdout
    assert done.stdout.endswith("left: 2.6316 credits\n")
    assert Books(superuser, cast.organization).wallet() == (IMAGE, 0)


def test_the_python_program_takes_its_base_and_key_as_arguments_and_says_what_the_api_says(
    cast: Cast, servers: Servers, photo: Path
) -> None:
    base = f"{servers.shared().url}/evolink"
    done = run([*PYTHON, str(photo), "--base", base, "--key", cast.key()], photo)
    assert done.returncode == 1
    assert done.stderr.startswith("402: Insufficient credits.")


def test_the_curl_program_does_the_same(cast: Cast, servers: Servers, photo: Path) -> None:
    command = [*CURL, photo.name, 'A "watercolour"']
    done = run(command, photo, EASEL_URL=servers.shared().url, EASEL_KEY=cast.key("test"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert pixels(photo.parent / "result.png") == (1344, 768)
    assert "completed" in done.stdout
    assert "left: " in done.stdout


def test_the_curl_program_stops_at_an_error(servers: Servers, photo: Path) -> None:
    command = [*CURL, photo.name]
    done = run(command, photo, EASEL_URL=servers.shared().url, EASEL_KEY="easel_test_wrong")
    assert done.returncode != 0
    assert "This API key is not valid" in done.stderr
