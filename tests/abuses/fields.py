"""Every field of every door, and of the management API, that takes an address or a picture."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.flows.five import EVOLINK, GEMINI, GMI, TOAPIS, Wish
from tests.generations.inputs import corpus

EDIT = "/openai/v1/images/edits"
FILES = "/evolink/api/v1/files/upload"
Spell = Callable[[Any], dict[str, Any]]


@dataclass(frozen=True)
class Field:
    """A field: where it is sent, and the request (as an HTTP client takes it) with something in it."""

    name: str
    path: str
    spell: Spell
    method: str = "POST"

    def __str__(self) -> str:
        return self.name


def json_at(path: str, name: str, body: Spell, method: str = "POST") -> Field:
    return Field(name, path, lambda value: {"json": body(value)}, method)


def _parts(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": "A hat"}, *parts]}]}


def _file(url: str) -> dict[str, Any]:
    return {"fileData": {"fileUri": url, "mimeType": "image/png"}}


def _form(**texts: str) -> dict[str, Any]:
    """Texts as multipart, which an HTTP client takes for files."""
    return {"files": [(name, (None, text)) for name, text in texts.items()]}


def data_url(data: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


GOOD = data_url(corpus.png())
STREAM = GEMINI.submits.replace("generateContent", "streamGenerateContent")

# ---- addresses ---------------------------------------------------------------------------------

FETCHED = (
    json_at(EVOLINK.submits, "evolink image_urls",
            lambda url: {**EVOLINK.spell(Wish()), "image_urls": [url]}),
    json_at(f"{FILES}/url", "evolink file_url", lambda url: {"file_url": url}),
    json_at(EDIT, "openai image_url", lambda url: {"prompt": "A hat", "images": [{"image_url": url}]}),
    json_at(EDIT, "openai second image_url",
            lambda url: {"prompt": "A hat", "images": [{"image_url": GOOD}, {"image_url": url}]}),
    json_at(EDIT, "openai mask",
            lambda url: {"prompt": "A hat", "images": [{"image_url": GOOD}], "mask": {"image_url": url}}),
    json_at(TOAPIS.submits, "toapis image_urls", lambda url: {**TOAPIS.spell(Wish()), "image_urls": [url]}),
    json_at(TOAPIS.submits, "toapis reference_images",
            lambda url: {**TOAPIS.spell(Wish()), "reference_images": [{"url": url}]}),
    Field("toapis edit", "/toapis/v1/images/edits", lambda url: _form(image=url, **TOAPIS.spell(Wish()))),
    json_at(GEMINI.submits, "gemini fileUri", lambda url: _parts(_file(url))),
    json_at(STREAM, "gemini fileUri in a stream", lambda url: _parts(_file(url))),
    json_at(GMI.submits, "gmi image",
            lambda url: {"model": GMI.spell(Wish())["model"], "payload": {"prompt": "A hat", "image": url}}),
    json_at(GMI.submits, "gmi contents",
            lambda url: {"model": GMI.spell(Wish())["model"], "payload": _parts(_file(url))}),
)  # fmt: skip
"""Those whose address is fetched."""

EVENTS = ["balance.low"]
CALLED = (
    json_at(EVOLINK.submits, "evolink callback_url",
            lambda url: {**EVOLINK.spell(Wish()), "callback_url": url}),
    json_at("/api/v1/webhooks", "webhook", lambda url: {"url": url, "events": EVENTS}),
)  # fmt: skip
"""Those whose address is told something later."""

# ---- pictures ----------------------------------------------------------------------------------


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _blob(data: bytes) -> dict[str, Any]:
    return {"inlineData": {"mimeType": "image/png", "data": _base64(data)}}


SHOWN = (
    Field("openai file", EDIT,
          lambda data: {"files": [("image", ("a.png", data, "image/png"))], "data": {"prompt": "A hat"}}),
    json_at(EDIT, "openai data URL",
            lambda data: {"prompt": "A hat", "images": [{"image_url": data_url(data)}]}),
    json_at(GEMINI.submits, "gemini inlineData",
            lambda data: _parts(_blob(data))),
    json_at(GMI.submits, "gmi data URL",
            lambda data: {"model": GMI.spell(Wish())["model"],
                          "payload": {"prompt": "A hat", "image": data_url(data)}}),
    json_at(GMI.submits, "gmi inlineData",
            lambda data: {"model": GMI.spell(Wish())["model"],
                          "payload": _parts(_blob(data))}),
)  # fmt: skip
"""Those that bring a picture for an order."""

KEPT = (
    json_at(f"{FILES}/base64", "evolink base64_data", lambda data: {"base64_data": _base64(data)}),
    Field("evolink stream", f"{FILES}/stream",
          lambda data: {"files": {"file": ("a.png", data, "image/png")}}),
    Field("toapis upload", "/toapis/v1/uploads/images",
          lambda data: {"files": {"file": ("a.png", data, "image/png")}}),
)  # fmt: skip
"""Those that bring a picture to be kept."""
