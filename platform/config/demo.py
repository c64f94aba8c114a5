"""What `script/run` shows: the first image, what it cost, and everything needed to go on."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from accounts.models import Organization
from billing import ledger, money
from config import album, first_image, picture
from config.environment import Environment
from config.first_image import MODEL, Client, FirstImage
from generations import channels
from runtime.tenancy import operator, tenant

IMAGE_SECONDS = 150
PROMPT = "A red fox in the snow"
ORDER = {"model": MODEL, "prompt": PROMPT}
DOORS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "evolink": ("/v1/images/generations", ORDER),
    "openai": ("/v1/images/generations", {**ORDER, "n": 1}),
    "toapis": ("/v1/images/generations", ORDER),
    "gemini": (f"/v1beta/models/{MODEL}:generateContent", {"contents": [{"parts": [{"text": PROMPT}]}]}),
    "gmi": ("/api/v1/ie/requestqueue/apikey/requests", {"model": MODEL, "payload": {"prompt": PROMPT}}),
}


class Output(Protocol):
    def write(self, line: str) -> Any: ...


class Demo:
    """Makes the first image with the key that `seed_demo` left in `demo.json`, and tells about it."""

    def __init__(self, environment: Environment, client: Client, out: Output) -> None:
        self._ours, self._out = environment, out
        self._seeded = json.loads((environment.data / "demo.json").read_text())
        self._client = Client(client.host, client.port, client.origin, self._seeded["live_key"])
        with operator():
            self._organization = Organization.objects.across().get(slug=self._seeded["organization"])

    def show(self) -> None:
        """Make it and print it. Raises FirstImageProblem."""
        before = self._balance()
        self._out.write("Making one image through the REST API ...")
        told = _Progress(self._out)
        image = first_image.make(self._client, seconds=IMAGE_SECONDS, progress=told)
        self._show_image(image, before)
        self._show_doors()

    def fill_album(self, stopping: Callable[[], bool]) -> None:
        """Once: order some more pictures, which the sandbox draws while the caller goes on; where live
        keys reach a real provider, in test mode. Raises AlbumProblem."""
        if album.is_empty(self._organization):
            mode = "live" if self._choice().provider == channels.SANDBOX else "test"
            client = replace(self._client, key=self._seeded[f"{mode}_key"])
            ordered = album.order(client, stopping)
            self._out.write(f"{ordered} more orders are being drawn for the album.")

    def _show_image(self, image: FirstImage, before: int) -> None:
        file = self._save(image)
        depth = picture.colours(os.environ, terminal=sys.stdout.isatty())
        self._out.write("\n" + picture.draw(image.data, depth))
        self._table(
            {
                "image": str(file),
                "address": image.url,
                "made in": f"{image.seconds:.1f} s",
                "provider": self._provider(),
                "tokens": image.tokens,
                "cost": f"${image.cost}",
                "balance": f"{_dollars(before)} before, {_dollars(self._balance())} after",
            }
        )

    def _show_doors(self) -> None:
        url, seeded = self._ours.url, self._seeded
        self._table(
            {
                "web": f"{url}/   {_login(seeded['owner'])}",
                "admin": f"{url}/admin/   {_login(seeded['operator'])}",
                "live key": seeded["live_key"],
                "test key": f"{seeded['test_key']}   (always the sandbox, never your credit)",
            }
        )
        for door, (path, body) in DOORS.items():
            self._out.write(f"{door}:\n  {_curl(f'{url}/{door}{path}', seeded['live_key'], body)}\n")

    def _table(self, rows: Mapping[str, str]) -> None:
        for name, value in rows.items():
            self._out.write(f"  {name:<9} {value}")
        self._out.write("")

    def _save(self, image: FirstImage) -> Path:
        file = self._ours.data / f"first-image{Path(image.url.partition('?')[0]).suffix}"
        file.write_bytes(image.data)
        return file

    def _balance(self) -> int:
        """The live wallet's available nano-dollars."""
        with tenant(self._organization):
            return ledger.balance(self._organization.pk, "live").available

    def _provider(self) -> str:
        choice = self._choice()
        if choice.provider == channels.SANDBOX:
            return "sandbox: drawn on this machine, costs nothing; set EASEL_GEMINI_API_KEY for a real one"
        return f"{choice.provider} ({choice.name}): a real one, its account is charged"

    def _choice(self) -> channels.Choice:
        return channels.choose(MODEL, "live")


class _Progress:
    """Tells each tenth of progress once."""

    def __init__(self, out: Output) -> None:
        self._out, self._told = out, 0

    def __call__(self, percent: int) -> None:
        if percent // 10 > self._told:
            self._told = percent // 10
            self._out.write(f"  {percent} %")


def _dollars(nano: int) -> str:
    return f"${money.plain(money.dollars(nano))}"


def _login(who: Mapping[str, str]) -> str:
    return f"{who['email']} / {who['password']}"


def _curl(url: str, key: str, body: Mapping[str, Any]) -> str:
    headers = ("-H", f"Authorization: Bearer {key}", "-H", "Content-Type: application/json")
    return shlex.join(["curl", "-s", url, *headers, "-d", json.dumps(body)])
