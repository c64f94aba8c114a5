"""What is smuggled into a header, and headers that lie about where a request came: A25, A28."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from django.conf import settings

from tests.abuses.attacker import DOORS, Attacker, sentence
from tests.api.office import Office
from tests.flows.five import EVOLINK, GEMINI, OPENAI, TOAPIS, Way, Wish, finished
from tests.flows.wire import CLIENT, eventually
from tests.generations.inputs import corpus

CRLF = "a\r\nX-Evil: 1\r\n\r\n<script>"
PNG = corpus.png()


def harmless(answer: httpx2.Response) -> httpx2.Response:
    """No header of an answer is ours alone by accident."""
    assert "x-evil" not in answer.headers
    assert not [value for value in answer.headers.values() if "\n" in value or "\r" in value]
    return answer


# ---- A25: into our headers ---------------------------------------------------------------------


def test_a_prompt_never_reaches_a_header(attacker: Attacker, way: Way) -> None:
    """A25: a prompt may have many lines; they stay in the body, in the callback and out of the headers."""
    answer = harmless(attacker.submit(way, way.spell(Wish(CRLF))))
    assert answer.status_code == 200, answer.text
    told = harmless(finished(attacker.url, attacker.key, answer.headers["x-easel-generation"]))
    for link in told.json()["results"]:
        harmless(CLIENT.get(link))


def test_what_was_adjusted_is_told_without_what_was_smuggled_in(attacker: Attacker) -> None:
    """A25: `X-Easel-Adjusted` is the header that repeats what a client said."""
    for door, body in (
        (OPENAI, {"size": f"1024x1024{CRLF}"}),
        (OPENAI, {"user": CRLF, "size": "1000x1000"}),
        (EVOLINK, {"size": f"1:1{CRLF}"}),
        (TOAPIS, {"size": f"1:1{CRLF}", "metadata": {"resolution": CRLF}}),
    ):
        harmless(attacker.submit(door, {**door.spell(Wish()), **body}))
    attacker.books.settled()


@pytest.mark.parametrize("model", [CRLF, "gemini-2.5-flash-image\r\nX-Evil: 1"])
def test_no_name_of_a_model_reaches_a_header(attacker: Attacker, way: Way, model: str) -> None:
    """A25: in the body, and at Google's door in the path."""
    if way is GEMINI:
        path = f"/gemini/v1beta/models/{httpx2.QueryParams({'m': model})!s}:generateContent".replace("m=", "")
        answer = attacker.send("POST", path.replace("+", "%20"), json=way.spell(Wish()))
    else:
        answer = attacker.submit(way, {**way.spell(Wish()), "model": model})
    assert harmless(answer).status_code in (400, 403, 404), answer.text
    sentence(answer)


NAMES = (
    "a\r\nX-Evil: 1.png",
    'a"; filename="b.html',
    "../../etc/passwd",
    "a\x00.png",
    "a\u2028.png",
    "a" * 200,
)


@pytest.mark.parametrize("name", NAMES)
def test_a_files_name_never_reaches_a_header(attacker: Attacker, name: str) -> None:
    """A25: neither from JSON nor from a form; the download is called after its own id."""
    data = base64.b64encode(PNG).decode()
    body = {"base64_data": data, "file_name": name, "upload_path": name}
    kept = [attacker.send("POST", "/evolink/api/v1/files/upload/base64", json=body)]
    for path in ("/evolink/api/v1/files/upload/stream", "/toapis/v1/uploads/images"):
        kept.append(attacker.send("POST", path, files={"file": (name, PNG, "image/png")}))
    for answer in kept:
        assert harmless(answer).status_code in (200, 400), answer.text
        if answer.status_code == 200:
            told = answer.json()["data"]
            opened_by_its_own_name(told.get("file_url") or told["url"])


def opened_by_its_own_name(link: str) -> None:
    served = harmless(CLIENT.get(link))
    own = urlsplit(link).path.rpartition("/")[2]
    assert served.headers["content-disposition"] == f'inline; filename="{own}"'


@pytest.mark.parametrize("tail", ["\r\nX-Evil: 1", "\n", "\r", "\t", "%0d%0a\r\n", "\x00", "\u2028"])
def test_no_address_to_call_has_lines(attacker: Attacker, office: Office, tail: str) -> None:
    """A25: callbacks and webhooks."""
    url = f"https://ok.example.com/hook{tail}"
    body = {**EVOLINK.spell(Wish()), "callback_url": url}
    attacker.refused({400}, "POST", EVOLINK.submits, json=body)
    office.refused(400, "bad_request", "POST", "webhooks", json={"url": url, "events": ["balance.low"]})


# ---- A28: about where it came from -------------------------------------------------------------

EVIL = "evil.example"
LIES: dict[str, dict[str, str]] = {
    "host": {"Host": EVIL},
    "forwarded host": {"X-Forwarded-Host": EVIL, "X-Original-Host": EVIL, "X-Host": EVIL},
    "forwarded": {"Forwarded": f"for=203.0.113.9;host={EVIL};proto=https"},
    "scheme": {"X-Forwarded-Proto": "https", "X-Forwarded-Scheme": "https", "X-Forwarded-Ssl": "on"},
    "port": {"X-Forwarded-Port": "6666"},
    "path": {"X-Original-URL": "/admin/", "X-Rewrite-URL": "/admin/", "X-Forwarded-Prefix": "//evil.example"},
}


@pytest.mark.parametrize("lie", LIES)
def test_our_address_is_ours_whatever_a_request_says(attacker: Attacker, way: Way, lie: str) -> None:
    """A28: links, receipts and hints are built from `EASEL_URL` and nothing else."""
    made = attacker.submit(way, headers=LIES[lie])
    assert made.status_code == 200, made.text
    told = finished(attacker.url, attacker.key, made.headers["x-easel-generation"])
    again = attacker.send("GET", way.reads.format(id=made.headers["x-easel-generation"]), headers=LIES[lie])
    missing = attacker.send("GET", f"/{way.name}/v1/nowhere", headers=LIES[lie])
    for answer in (made, again, missing):
        assert EVIL not in answer.text + str(answer.headers)
        assert ":6666" not in answer.text
    assert all(link.startswith(f"{attacker.url}/i/") for link in told.json()["results"])
    assert attacker.url in missing.text.replace("\\/", "/")


@pytest.mark.parametrize("host", [EVIL, f"localhost@{EVIL}", "localhost:80:80", "", "a b", "localhost\\"])
def test_a_page_under_a_name_that_is_not_ours_is_refused(url: str, host: str) -> None:
    """A28: ALLOWED_HOSTS, so that no mail and no redirect is built from a stranger's name."""
    for path in ("/", "/login/", "/admin/", "/docs/", "/api/v1/keys", "/nowhere"):
        answer = CLIENT.get(f"{url}{path}", headers={"Host": host})
        assert answer.status_code == 400, path
        assert EVIL not in answer.text


@pytest.mark.parametrize("lie", [name for name in LIES if name != "host"])
def test_a_page_believes_no_forwarded_header(url: str, lie: str) -> None:
    """A28: redirects and forms stay here."""
    for path in ("/", "/login/", "/admin/", "/docs/", "/nowhere"):
        answer = CLIENT.get(f"{url}{path}", headers=LIES[lie])
        assert EVIL not in answer.text + answer.headers.get("location", ""), path
        assert "6666" not in answer.headers.get("location", "")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP"])
def test_a_stranger_cannot_choose_his_address(attacker: Attacker, office: Office, header: str) -> None:
    """A28: no proxy is trusted unless it is named, so a key kept to a network stays there."""
    spoofed = {header: "203.0.113.9"}
    answer = attacker.send("GET", "/openai/v1/models", headers=spoofed)
    (row,) = attacker.books.requests(answer.headers["x-request-id"])
    assert str(row["ip"]) == "127.0.0.1"
    kept = attacker.cast.key(networks=("203.0.113.0/24",))
    for door in DOORS.values():
        assert attacker.submit(door, key=kept, headers=spoofed).status_code == 403
    answer = office.send("GET", "keys", headers=spoofed)
    (row,) = eventually(lambda: attacker.books.requests(answer.headers["x-request-id"]))
    assert str(row["ip"]) == "127.0.0.1"


def test_only_hosts_of_ours_are_allowed() -> None:
    """A28: no wildcard that would let every name in."""
    allowed: list[Any] = settings.ALLOWED_HOSTS
    assert "*" not in allowed
    assert not [host for host in allowed if host.startswith(".") and host != ".localhost"]
