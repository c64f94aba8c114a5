"""Addresses that lead inwards, in every field that takes one: A04, A05, A06.

The rules themselves are tested one level down (tests/runtime/test_egress.py, tests/runtime/test_http.py and
tests/generations/inputs/test_addresses.py, where names can be made to lie); here it is that no field of the
running product goes round them.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from aiohttp import web

from generations.dialects import DIALECTS
from tests.abuses.attacker import Attacker
from tests.abuses.fields import CALLED, FETCHED, Field
from tests.api.office import Office
from tests.house import Servers
from tests.receivers import Authority, Receiver, receiver
from tests.runtime.egress_corpus import URLS

PORT = 8443
"""A port that pictures may be fetched from, and that anybody may listen at."""
NAMED = (".example", "metadata", "postgres", "redis", "ok\\")
"""What only a name server could say something about."""
TRIED = [url.format(port=PORT) for url in URLS if url and not any(name in url for name in NAMED)]
VERSION = re.compile(r"/v1(alpha|beta)?/models/\{model\*\}:")
"""Google's versions of one address."""
INNER = ("Errno", "refused", "timed out", "gaierror", "127.0.0.1", "169.254", "SSL", "certificate")
"""What an error must not tell of our side of the wall."""


@dataclass
class Canary:
    """Listens where nobody may connect, and counts who does. Deaf where somebody else listens."""

    visits: list[object] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)

    def listen(self, family: socket.AddressFamily, address: str) -> None:
        with contextlib.suppress(OSError):
            made = socket.socket(family, socket.SOCK_STREAM)
            self.sockets.append(made)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((address, PORT))
            made.listen()
            threading.Thread(target=self._count, args=(made,), daemon=True).start()

    def _count(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, address = listening.accept()
                self.visits.append(address)
                caller.close()


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    """In the whole file, nobody may ever have called it."""
    bird = Canary()
    bird.listen(socket.AF_INET, "127.0.0.1")
    bird.listen(socket.AF_INET6, "::1")
    yield bird
    for made in bird.sockets:
        with contextlib.suppress(OSError):
            made.shutdown(socket.SHUT_RDWR)  # wakes who waits for callers
        made.close()


def test_most_of_the_corpus_needs_no_name_server() -> None:
    """A04: so that the walk below is one."""
    assert len(TRIED) > 70


@pytest.mark.parametrize("where", [*FETCHED, CALLED[0]], ids=str)
def test_no_field_of_a_door_leads_inwards(attacker: Attacker, canary: Canary, where: Field) -> None:
    """A04: 400 in the door's words (415 at GMI's for a data URL that is no image), nothing stored, nobody
    called, nothing told."""
    for url in TRIED:
        said = attacker.refused({400, 415}, where.method, where.path, **where.spell(url))
        assert not [word for word in INNER if word in said and word not in url], (url, said)
    assert canary.visits == []


def test_no_webhook_leads_inwards(office: Office, canary: Canary) -> None:
    """A04: neither a new one nor an old one's new address."""
    made = office.do("POST", "webhooks", {"url": "https://ok.example.com/", "events": ["balance.low"]}, 201)
    for url in TRIED:
        office.refused(400, "bad_request", "POST", "webhooks", json={"url": url, "events": ["balance.low"]})
        office.refused(400, "bad_request", "PATCH", f"webhooks/{made['id']}", json={"url": url})
    assert office.get(f"webhooks/{made['id']}")["url"] == "https://ok.example.com/"
    assert canary.visits == []


def test_no_address_of_a_door_is_without_its_fields() -> None:
    """A04: a new address that takes orders or pictures must be looked at, and named here or there."""
    seen = {where.path for where in (*FETCHED, *CALLED) if not where.path.startswith("/api/")}
    paths = {
        f"/{name}{route.path}"
        for name, dialect in DIALECTS.items()
        for route in dialect.routes()
        if route.method == "POST" and (route.submits or "upload" in route.path)
    }
    known = {VERSION.sub("/v1beta/models/gemini-2.5-flash-image:", path) for path in paths}
    without = {
        "/openai/v1/images/generations": "takes no pictures",
        "/evolink/api/v1/files/upload/base64": "takes bytes",
        "/evolink/api/v1/files/upload/stream": "takes bytes",
        "/toapis/v1/uploads/images": "takes bytes",
        "/gmi/api/v1/ie/requestqueue/apikey/upload-url": "takes a type",
        "/gemini/upload/{rest*}": "is not offered",
    }
    assert known == seen | set(without)


# ---- A06: redirects ----------------------------------------------------------------------------


@dataclass
class Elsewhere:
    """A customer's site that we may fetch from, and a server of ours that knows it."""

    site: Receiver
    attacker: Attacker

    def leading_to(self, url: str) -> str:
        return f"https://127.0.0.1:{self.site.port}/to/{quote(url, safe='')}"


async def lead(request: web.BaseRequest) -> web.StreamResponse:
    """`/to/<address>` leads there; `/round` to itself; `/far/<n>` through n more."""
    kind, _, rest = request.path_qs.lstrip("/").partition("/")
    target = {"to": unquote(rest), "round": "/round", "far": f"/far/{int(rest or 0) - 1}" if rest else ""}[
        kind
    ]
    return web.Response(status=302, headers={"Location": target})


@pytest.fixture(scope="module")
def elsewhere(
    servers: Servers, attacker: Attacker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Elsewhere]:
    folder: Path = tmp_path_factory.mktemp("authority")
    authority = Authority.made(folder)
    with receiver(authority) as site:
        site.answer = lead
        environ = {"EASEL_TEST_EGRESS": f"127.0.0.1:{site.port}", "SSL_CERT_FILE": str(authority.file)}
        yield Elsewhere(site, replace(attacker, url=servers.web(**environ).url))


@pytest.mark.parametrize("where", FETCHED, ids=str)
def test_no_redirect_leads_a_field_inwards(elsewhere: Elsewhere, canary: Canary, where: Field) -> None:
    """A06: each hop is judged like the first, three are followed, and a circle ends."""
    for target in (
        f"https://127.0.0.1:{PORT}/", f"https://[::1]:{PORT}/", f"http://127.0.0.1:{PORT}/",
        f"https://2130706433:{PORT}/", "https://169.254.169.254/latest/", "https://10.0.0.1/",
        "http://127.0.0.1:5432/", "file:///etc/passwd", "gopher://127.0.0.1:1/", "//[::1", "", "https://a@b/",
    ):  # fmt: skip
        elsewhere.attacker.refused(
            {400}, where.method, where.path, **where.spell(elsewhere.leading_to(target))
        )
    elsewhere.site.arrived.clear()
    for path, hops in (("/round", 4), ("/far/9", 4)):
        url = f"https://127.0.0.1:{elsewhere.site.port}{path}"
        elsewhere.attacker.refused({400}, where.method, where.path, **where.spell(url))
        assert len(elsewhere.site.arrived) == hops
        elsewhere.site.arrived.clear()
    assert canary.visits == []


# ---- A05: names --------------------------------------------------------------------------------


@pytest.mark.parametrize("where", [*FETCHED, *CALLED], ids=str)
@pytest.mark.parametrize("name", ["localhost", "localhost.", "LOCALHOST", "ip6-localhost"])
def test_a_name_is_judged_by_what_it_stands_for(
    attacker: Attacker, office: Office, canary: Canary, where: Field, name: str
) -> None:
    """A05: names of this very machine, as far as its own table of hosts goes; lying name servers are
    tests/generations/inputs/test_addresses.py's."""
    url = f"https://{name}:{PORT}/a.png"
    if where.path.startswith("/api/"):
        office.refused(400, "bad_request", where.method, "webhooks", **where.spell(url))
    else:
        attacker.refused({400}, where.method, where.path, **where.spell(url))
    assert canary.visits == []
