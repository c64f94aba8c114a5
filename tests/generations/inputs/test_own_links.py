"""Our own links as inputs: read from storage, never fetched, and only those of the one who asks."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import psycopg
import pytest
from django.conf import settings

from accounts.models import Organization
from generations import inputs, links
from generations.inputs import Owner
from generations.spec import Source
from runtime import ids, storage
from tests.cast import Cast
from tests.generations.inputs import corpus
from tests.generations.inputs.conftest import refused, take
from tests.work import succeeded

PNG, PHOTOGRAPH = corpus.png(), corpus.photograph()


@pytest.fixture
def output(cast: Cast, owner: Owner) -> str:
    """The link to an image that was made for the organization."""
    key = f"live/20260101/{cast.organization.pk}/{ids.uuid7()}/1-0-{ids.word(8, ids.BASE36)}.png"
    storage.default().put(key, PNG, "image/png")
    return links.url(succeeded(cast, keys=[key]).generation.pk, 0, "image/png", 0)


@pytest.fixture
def upload(owner: Owner) -> str:
    """The link to a picture that the organization uploaded."""
    return asyncio.run(inputs.upload(owner, Source("file", data=PHOTOGRAPH))).url


def test_an_output_is_an_input_and_the_same_picture_as_its_bytes(owner: Owner, output: str) -> None:
    assert output.startswith("http://localhost")
    (linked,) = take(owner, Source("image_urls[0]", url=output))
    (given,) = take(owner, Source("image", data=PNG))
    assert linked == given


def test_an_upload_is_the_same_picture_as_the_file_it_came_from(owner: Owner, upload: str) -> None:
    (linked,) = take(owner, Source("image_urls[0]", url=upload))
    (given,) = take(owner, Source("image", data=PHOTOGRAPH))
    assert linked == given


def test_an_output_larger_than_the_fields_limit_is_taken(owner: Owner, output: str) -> None:
    assert take(owner, Source("image", url=output, limit=10))


@pytest.mark.parametrize(
    "prefix",
    ["http://localhost:8000", "https://localhost", "http://127.0.0.1:8000", "http://[::1]:8000",
     "HTTP://LOCALHOST:9", "http://evolink.localhost:8000", "https://gemini.localhost"],
)  # fmt: skip
def test_our_name_may_be_spelled_as_it_is_reached(owner: Owner, output: str, prefix: str) -> None:
    assert take(owner, Source("image", url=output.replace(settings.EASEL.url, prefix)))


def test_in_production_our_name_is_our_url_and_the_doors(
    owner: Owner, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    doors = {"evolink.example.com": "evolink"}
    there = replace(settings.EASEL, url="https://easel.example.com", door_hosts=doors)
    path = output.removeprefix(settings.EASEL.url)
    monkeypatch.setattr(settings, "EASEL", there)
    for host in ("easel.example.com", "evolink.example.com"):
        assert take(owner, Source("image", url=f"https://{host}{path}"))
    problem = refused(owner, Source("image", url=f"http://localhost:8000{path}"))
    assert problem.facts["reason"] == "url_not_allowed"


# ---- whatever is not his is the same refusal as any address that may not be called ----


def refusal(owner: Owner, url: str) -> tuple[object, ...]:
    problem = refused(owner, Source("image", url=url))
    return problem.kind, problem.message, problem.param, problem.facts


FORBIDDEN = (
    "bad_request",
    "image may not be fetched (url_not_allowed).",
    "image",
    {"reason": "url_not_allowed"},
)


def test_an_address_that_may_not_be_called_is_refused_so(owner: Owner) -> None:
    assert refusal(owner, "http://localhost:8000/") == FORBIDDEN
    assert refusal(owner, "https://10.0.0.1/a.png") == FORBIDDEN


@pytest.mark.parametrize("link", ["output", "upload"])
def test_a_strangers_link_is_refused_so(stranger: Owner, link: str, request: pytest.FixtureRequest) -> None:
    assert refusal(stranger, request.getfixturevalue(link)) == FORBIDDEN


@pytest.mark.parametrize("link", ["output", "upload"])
def test_a_link_of_the_other_mode_is_refused_so(
    owner: Owner, link: str, request: pytest.FixtureRequest
) -> None:
    assert refusal(replace(owner, mode="test"), request.getfixturevalue(link)) == FORBIDDEN


@pytest.mark.parametrize("link", ["output", "upload"])
def test_a_link_that_we_did_not_make_is_refused_so(
    owner: Owner, link: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(link)
    forged = (
        url.partition("?")[0],
        url[:-1],
        url.replace(".png", ".webp").replace(".jpg", ".webp"),
        f"{settings.EASEL.url}/i/{ids.uuid7()}/0.png?t=AAAA",
        f"{settings.EASEL.url}/u/{ids.uuid7()}.png?t=AAAA",
        f"{settings.EASEL.url}/u/no-upload.png?t=AAAA",
        f"{settings.EASEL.url}/u/../i/",
    )
    assert [refusal(owner, one) for one in forged] == [FORBIDDEN] * len(forged)


@pytest.mark.parametrize("table", ["generations_output", "generations_input"])
@pytest.mark.parametrize(
    "change",
    ["deleted_at = now()", "epoch = epoch + 1", "expires_at = now()", "storage_key = 'live/gone.png'"],
)
def test_what_is_no_longer_kept_is_refused_so(
    owner: Owner, output: str, upload: str, table: str, change: str, superuser: psycopg.Connection
) -> None:
    if change.startswith("expires_at") and table == "generations_output":
        return  # an output's own row says when it is deleted, and nothing else
    changed = change.replace("gone", ids.word(8, ids.BASE36))
    superuser.execute(f"UPDATE {table} SET {changed} WHERE organization_id = %s", (owner.organization,))
    assert refusal(owner, output if table == "generations_output" else upload) == FORBIDDEN


def test_a_reference_of_an_order_has_no_link(owner: Owner, organization: Organization) -> None:
    (kept,) = take(owner, Source("image", data=PNG))
    from tests.generations.inputs.test_gate import kept as rows

    (row,) = rows(owner)
    assert row.storage_key == kept.key
    assert refusal(owner, links.upload_url(row.pk, "png", 0)) == FORBIDDEN
