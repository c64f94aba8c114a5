"""The programs beside a new key's secret run as they were pasted: five doors, three languages."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from PIL import Image

from accounts.models import Door
from tests.accounts.key_pages import SECRET, make
from tests.accounts.visits import Visitor
from tests.cast import Cast

pytestmark = pytest.mark.filterwarnings("ignore:No directory at")
RUN = {
    "curl": ["bash", "-c"],
    "Python": [sys.executable, "-c"],
    "JavaScript": ["node", "--input-type=module", "-e"],
}
SAVES = ("openai", "gemini")
"""Doors whose programs write `fox.png`; the others print a link, or the task."""
_CODE = re.compile(r'aria-label="([^"]+), (curl|Python|JavaScript)"><code>(.*?)</code>', re.DOTALL)


@pytest.fixture
def page(cast: Cast, url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page of a new test key, on an installation that lives where the shared server does."""
    monkeypatch.setattr(settings, "EASEL", replace(settings.EASEL, url=url))
    owner = Visitor(cast.owner, cast.organization)
    owner.look("keys", "?mode=test")
    return make(owner)[0]


def programs(page: str) -> dict[tuple[str, str], str]:
    """By door's title and language."""
    return {(door, language): html.unescape(code) for door, language, code in _CODE.findall(page)}


def run(language: str, code: str, where: Path) -> subprocess.CompletedProcess[Any]:
    """As somebody would who has nothing in his environment."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(where)}
    return subprocess.run(
        [*RUN[language], code],
        cwd=where,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_there_is_one_for_each_door_in_each_language_with_the_secret_in_it(page: str) -> None:
    found = programs(page)
    assert set(found) == {(door.label, language) for door in Door for language in RUN}
    (secret,) = set(SECRET.findall(page))
    assert all(secret in code for code in found.values())


@pytest.mark.parametrize("language", RUN)
@pytest.mark.parametrize("door", list(Door))
def test_it_makes_a_picture(page: str, workshop: Path, door: Door, language: str) -> None:
    done = run(language, programs(page)[door.label, language], workshop)
    assert done.returncode == 0, done.stderr[-800:]
    if door in SAVES:
        Image.open(workshop / "fox.png").verify()
    elif language == "curl":
        assert '"id"' in done.stdout or '"request_id"' in done.stdout
    else:
        assert re.search(r"/i/[0-9a-f-]+/0\.", done.stdout), done.stdout


def test_a_refusal_is_said(page: str, workshop: Path) -> None:
    code = programs(page)["OpenAI", "curl"].replace("gemini-2.5-flash-image", "no-such-model")
    done = run("curl", code, workshop)
    assert "no-such-model" in done.stdout
    assert not (workshop / "fox.png").exists()
