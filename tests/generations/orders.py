"""The playground's form, as a browser fills it in and sends it."""

from __future__ import annotations

import re
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from generations.models import Generation
from runtime.tenancy import tenant
from tests.accounts.visits import Visitor, words
from tests.cast import Cast
from tests.generations.gallery import png


def filled(visitor: Visitor, query: str = "", **fields: Any) -> dict[str, Any]:
    """The form of the page as a browser sends it, with these fields typed in."""
    source = visitor.look("playground", query)
    once = re.search(r'name="once" value="([^"]+)"', source)
    change = re.search(r'name="change"(?: value="([^"]*)")?', source)
    assert once
    assert change
    usual = {
        "model": "gemini-2.5-flash-image", "ratio": "1:1", "resolution": "1K", "count": "1", "format": "",
        "seed": "", "change": change[1] or "", "once": once[1],
    }  # fmt: skip
    return {**usual, **fields}


def made(cast: Cast) -> list[Generation]:
    with tenant(cast.organization):
        return list(Generation.objects.of(cast.organization).order_by("id"))


def told(visitor: Visitor, fields: dict[str, Any]) -> str:
    """What the price says of a form."""
    answer = visitor.client.get(visitor.address("playground_price"), fields)
    assert answer.status_code == 200
    return words(answer.content.decode()).replace("\u2009", " ")


def picture(name: str = "fox.png", **shape: Any) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, png(**shape), "image/png")


def keep(visitor: Visitor, *files: SimpleUploadedFile) -> list[str]:
    """The links of pictures that were dropped on the form."""
    source = visitor.send("playground_references", {"files": list(files)}).content.decode()
    return [link.replace("&amp;", "&") for link in re.findall(r'name="keep" value="([^"]+)"', source)]
