"""The loopback OpenAI speaks OpenAI's contract: the official client drives it, unmodified."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import openai
import pytest
from PIL import Image

from tests.upstreams.gemini import pictures
from tests.upstreams.openai import GPT, KEY, Upstream


@pytest.fixture(scope="module")
def server() -> Iterator[Upstream]:
    with Upstream.in_thread() as upstream:
        yield upstream


@pytest.fixture
def client(server: Upstream) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=KEY, base_url=server.url, max_retries=0) as made:
        yield made


def test_the_official_client_gets_the_pictures_it_asks_for(client: openai.OpenAI) -> None:
    made = client.images.generate(model=GPT, prompt="A cat", n=2, size="1536x1024", quality="high")
    assert made.data
    assert made.usage
    with Image.open(io.BytesIO(base64.b64decode(made.data[1].b64_json or ""))) as picture:
        assert picture.size == (1536, 1024)
    assert made.usage.output_tokens == 1056


def test_the_official_client_edits_with_a_mask(client: openai.OpenAI, server: Upstream) -> None:
    cat = ("cat.png", pictures.png(64, 64, 1), "image/png")
    made = client.images.edit(model=GPT, prompt="A hat", image=[cat, cat], mask=cat)
    assert made.data
    assert [name for name, _ in server.calls[-1].files] == ["image[]", "image[]", "mask"]


@pytest.mark.parametrize(
    ("marker", "kind"),
    [
        ("stub:429", openai.RateLimitError),
        ("stub:503", openai.InternalServerError),
        ("stub:block", openai.BadRequestError),
        ("stub:403", openai.PermissionDeniedError),
    ],
)
def test_the_official_client_raises_its_own_error_classes(
    client: openai.OpenAI, marker: str, kind: type[openai.APIStatusError]
) -> None:
    with pytest.raises(kind):
        client.images.generate(model=GPT, prompt=f"A cat {marker}")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"model": "gpt-0"}, "model_not_found"),
        ({"size": "1344x768"}, "invalid_value"),
        ({"response_format": "b64_json"}, "unknown_parameter"),
        ({"quality": "hd"}, "invalid_value"),
    ],
)
def test_what_openai_refuses_is_refused(client: openai.OpenAI, asked: dict[str, str], code: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(**{"model": GPT, "prompt": "A cat", **asked})  # type: ignore[arg-type]
    assert caught.value.code == code
