"""What was said at a door stands on the page of its call: without keys and without pictures."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from generations import transcripts
from generations.models import ApiRequest
from generations.transcripts import Said
from runtime.tenancy import tenant
from tests.cast import Cast
from tests.flows.five import GEMINI, OPENAI, WAYS, Way, Wish
from tests.flows.wire import CLIENT, eventually


def said_in(cast: Cast, path: str) -> Said:
    """What was said in the newest call to a path, once it is written."""

    def newest() -> UUID | None:
        with tenant(cast.organization):
            calls = ApiRequest.objects.of(cast.organization).filter(path=path).exclude(status=None)
            return calls.order_by("-at").values_list("id", flat=True).first()

    def found() -> Said | None:
        call = newest()
        return transcripts.of_call(cast.organization, call) if call else None

    kept = eventually(found)
    assert kept is not None
    return kept


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_an_order_and_its_answer_are_kept_at_every_door(url: str, cast: Cast, way: Way) -> None:
    cast.credit(1)
    key = cast.key()
    answer = way.post(url, key, Wish("A lamp on a table"))
    said = said_in(cast, way.submits)
    assert "A lamp on a table" in said.sent
    assert json.loads(said.answered).keys() == answer.json().keys()
    assert key not in said.sent + said.answered


@pytest.mark.parametrize("way", [OPENAI, GEMINI], ids=lambda way: way.name)
def test_delivered_pictures_are_kept_as_their_links(url: str, cast: Cast, way: Way) -> None:
    cast.credit(1)
    answer = way.post(url, cast.key(), Wish())
    said = said_in(cast, way.submits)
    assert f"[picture: /i/{answer.headers['X-Easel-Generation']}/0.png]" in said.answered
    assert len(said.answered) < 4_000 < len(answer.content)


def test_a_refused_call_is_kept_with_its_reason(url: str, cast: Cast) -> None:
    refused = OPENAI.post(url, cast.key(), Wish("A lamp"))
    assert refused.status_code == 402
    assert json.loads(said_in(cast, OPENAI.submits).answered) == refused.json()


def test_a_key_in_a_body_is_masked(url: str, cast: Cast) -> None:
    key = cast.key()
    body = {"model": "gemini-2.5-flash-image", "prompt": f"Draw {key}", "n": 99}
    CLIENT.post(url + OPENAI.submits, json=body, headers={"Authorization": f"Bearer {key}"})
    said = said_in(cast, OPENAI.submits)
    assert "Draw [masked]" in said.sent
    assert key not in said.sent


def test_a_call_without_a_valid_key_leaves_no_body(url: str, cast: Cast) -> None:
    CLIENT.post(url + OPENAI.submits, json={"prompt": "A lamp"}, headers={"Authorization": "Bearer x"})
    OPENAI.post(url, cast.key(), Wish("A lamp"))
    said_in(cast, OPENAI.submits)
    with tenant(cast.organization):
        assert ApiRequest.objects.of(cast.organization).count() == 1
