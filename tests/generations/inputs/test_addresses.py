"""An input's URL leads nobody inwards (J12; A04, A05, A06): refused by address, never by spelling, and
nothing behind the wall is even knocked at."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from accounts import egress
from generations import inputs
from generations.errors import Problem
from generations.inputs import Owner, sources
from generations.spec import Source
from runtime import http
from runtime.egress import FETCH
from tests.generations.inputs import corpus
from tests.generations.inputs.conftest import refused
from tests.generations.inputs.site import Names, answering, redirecting, site
from tests.runtime.egress_corpus import HOSTS, URLS, Authority, canary

PNG = corpus.png()
REASONS = ("url_not_allowed", "fetch_failed", "not_an_image", "unsupported_media")


@pytest.mark.parametrize("plain", [False, True], ids=["https", "http too"])
@pytest.mark.parametrize("template", URLS)
def test_no_spelling_of_a_forbidden_address_is_called(
    owner: Owner, template: str, plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    Names(monkeypatch)

    async def journey() -> tuple[Problem, int]:
        async with canary() as bird:
            # One more port, so that nothing but the address can refuse.
            monkeypatch.setattr(egress, "FETCH", replace(FETCH, ports=FETCH.ports | {bird.port}))
            source = Source("image_urls[0]", url=template.format(port=bird.port), http=plain)
            with pytest.raises(Problem) as caught:
                await inputs.take(owner, [source])
            return caught.value, bird.visits

    problem, visits = asyncio.run(journey())
    assert visits == 0
    assert problem.facts["reason"] in REASONS
    assert problem.param == "image_urls[0]"
    assert "127.0.0.1" not in problem.message
    assert problem.kind in ("bad_request", "unsupported_media")


@pytest.mark.parametrize("host", HOSTS)
def test_no_redirect_leads_there_either(owner: Owner, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def journey() -> tuple[Problem, int, int]:
        async with canary() as bird:
            monkeypatch.setattr(egress, "FETCH", replace(FETCH, ports=FETCH.ports | {bird.port}))
            hop = f"https://{host}:{bird.port}/".encode("ascii", "ignore").decode()
            async with site(redirecting(hop), monkeypatch) as web:
                Names(monkeypatch)
                with pytest.raises(Problem) as caught:
                    await inputs.take(owner, [Source("image", url=web.url(), http=True)])
                return caught.value, bird.visits, len(web.asked)

    problem, visits, asked = asyncio.run(journey())
    assert (visits, asked) == (0, 1)
    assert problem.facts["reason"] in ("url_not_allowed", "fetch_failed")


def test_a_circle_of_redirects_ends(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    async def journey() -> int:
        async with site(redirecting("/again"), monkeypatch) as web:
            with pytest.raises(Problem, match="fetch_failed"):
                await inputs.take(owner, [Source("image", url=web.url(), http=True)])
            return len(web.asked)

    assert asyncio.run(journey()) == 4


def test_one_lookup_a_connection_and_a_rebound_name_is_refused(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def journey() -> None:
        async with site(answering(PNG), monkeypatch) as web:
            names = Names(monkeypatch, ok_example_com=[["127.0.0.1"], ["10.0.0.1"]])
            source = Source("image", url=web.url(host="ok.example.com"), http=True)
            assert await inputs.take(owner, [source])
            assert names.lookups == ["ok.example.com"]
            with pytest.raises(Problem, match="url_not_allowed"):
                await inputs.take(owner, [source])
            assert (len(names.lookups), len(web.asked)) == (2, 1)

    asyncio.run(journey())


def test_a_neighbours_port_is_closed_while_a_test_port_is_open(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def journey() -> int:
        async with canary() as bird, site(answering(PNG), monkeypatch):
            source = Source("image", url=f"http://127.0.0.1:{bird.port}/a.png", http=True)
            with pytest.raises(Problem, match="url_not_allowed"):
                await inputs.take(owner, [source])
            return bird.visits

    assert asyncio.run(journey()) == 0


def test_plain_http_is_refused_where_the_vendors_page_does_not_allow_it(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def journey() -> list[str]:
        async with site(answering(PNG), monkeypatch) as web:
            with pytest.raises(Problem, match=r"^image may not be fetched \(url_not_allowed\)\.$"):
                await inputs.take(owner, [Source("image", url=web.url())])
            return web.asked

    assert asyncio.run(journey()) == []


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://ok.example.com/a", "gopher://ok.example.com/", "javascript:alert(1)",
     "a.png", "/a.png", "//ok.example.com/a.png"],
)  # fmt: skip
def test_other_schemes_are_refused(owner: Owner, url: str) -> None:
    assert refused(owner, Source("image", url=url)).facts["reason"] == "url_not_allowed"


# ---- gs:// ----


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Google's storage as far as this test is concerned: its name, its certificate, another port."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    http._tls.cache_clear()
    yield authority
    http._tls.cache_clear()


def read_object(
    owner: Owner, google: Authority, monkeypatch: pytest.MonkeyPatch, url: str, data: bytes
) -> list[str]:
    async def journey() -> list[str]:
        handler = answering(data) if data else redirecting("")
        async with site(handler, monkeypatch, google.server("storage.googleapis.com")) as web:
            Names(monkeypatch, storage_googleapis_com=[["127.0.0.1"]])
            monkeypatch.setattr(sources, "_BUCKETS", web.url("/", "storage.googleapis.com"))
            await inputs.take(owner, [Source("fileUri", url=url)])
            return web.asked

    return asyncio.run(journey())


def test_an_object_of_googles_storage_is_read_by_its_public_address(
    owner: Owner, google: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = read_object(owner, google, monkeypatch, "gs://a-bucket/folder/a picture#1?.png", PNG)
    assert asked == ["/a-bucket/folder/a%20picture%231%3F.png"]


def test_it_may_be_larger_than_other_files(
    owner: Owner, google: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = 30 * 2**20
    assert read_object(owner, google, monkeypatch, "gs://bucket/a", PNG + bytes(limit - len(PNG)))
    with pytest.raises(Problem, match=r"^fileUri is larger than 30 MB\.$"):
        read_object(owner, google, monkeypatch, "gs://bucket/a", PNG + bytes(limit + 1 - len(PNG)))


def test_a_private_object_is_a_clear_refusal(
    owner: Owner, google: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Problem, match="an object named by gs:// must be public") as caught:
        read_object(owner, google, monkeypatch, "gs://bucket/a", b"")
    assert (caught.value.kind, caught.value.facts["reason"]) == ("bad_request", "fetch_failed")


@pytest.mark.parametrize(
    "url", ["gs://", "gs://bucket", "gs://bucket/", "gs:///a", "gs://a@b/c", "gs://-a-/b"]
)
def test_a_gs_address_of_no_known_form_is_refused(owner: Owner, url: str) -> None:
    assert refused(owner, Source("fileUri", url=url)).facts["reason"] == "url_not_allowed"
