"""The gemini engine: what it brings, and what it makes of every way an answer can go wrong."""

from __future__ import annotations

import asyncio
import io
import logging
import subprocess
import sys

import pytest
from PIL import Image as Pillow

from generations.errors import ProviderError
from generations.provider import Account
from generations.providers.gemini import Gemini
from generations.spec import Image, Kind, Refusal, Size, Text, Turn, Usage
from tests.providers.gemini_rig import FLASH, ask, draw, fail, job, order, picture, until
from tests.upstreams.gemini import KEY, Upstream


def test_an_order_brings_a_whole_picture_of_its_pixels_with_googles_own_numbers() -> None:
    wanted = job(order("A white cat", ratio="16:9"), size=Size("1K", "16:9", 1344, 768, 1290))
    outcome, google = draw(wanted)
    (image,) = outcome.images
    with Pillow.open(io.BytesIO(image.data)) as opened:
        opened.load()
        assert (opened.format, opened.size) == ("PNG", (1344, 768))
    assert image.mime == "image/png"
    assert outcome.usage == Usage(prompt=3, output_images=1290)
    assert (outcome.finish_reason, outcome.request_id) == ("STOP", "stub-1")
    assert google.calls.total == 1


def test_parts_keep_their_order_and_signatures_and_sketches_of_thinking_are_dropped() -> None:
    outcome, _ = draw("stub:thought")
    thought, words, image = outcome.parts
    assert thought == Text("The cat should sit.", thought=True)
    assert words == Text("Here it is.", signature="dGV4dA==")
    assert isinstance(image, Image)
    assert image.signature == "cGljdHVyZQ=="
    assert outcome.usage.thoughts == 77


def test_base64_in_the_url_safe_alphabet_is_read_too() -> None:
    outcome, _ = draw("stub:urlsafe")
    with Pillow.open(io.BytesIO(outcome.images[0].data)) as opened:
        assert opened.size == (1024, 1024)


def test_a_picture_of_1_5_megabytes_arrives_whole() -> None:
    outcome, _ = draw("stub:big")
    assert len(outcome.images[0].data) > 1_500_000


# ---- answers without a picture -----------------------------------------------------------------


@pytest.mark.parametrize("reason", ["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY"])
def test_a_blocked_prompt_is_a_refusal_and_not_an_error(reason: str) -> None:
    outcome, _ = draw(f"stub:block={reason}")
    assert outcome.parts == (Refusal("prompt", reason),)
    assert outcome.finish_reason == reason


@pytest.mark.parametrize(
    "reason",
    [
        "SAFETY",
        "IMAGE_SAFETY",
        "PROHIBITED_CONTENT",
        "IMAGE_PROHIBITED_CONTENT",
        "RECITATION",
        "IMAGE_RECITATION",
        "SPII",
        "BLOCKLIST",
    ],
)
def test_a_blocked_picture_is_a_refusal_and_not_an_error(reason: str) -> None:
    outcome, _ = draw(f"stub:finish={reason}")
    assert outcome.parts == (Refusal("output", reason, "Unable to show the generated image."),)


@pytest.mark.parametrize("reason", ["NO_IMAGE", "IMAGE_OTHER", "OTHER", "MAX_TOKENS", "A_WORD_OF_TOMORROW"])
def test_an_answer_without_a_picture_for_another_reason_is_empty(reason: str) -> None:
    outcome, _ = draw(f"stub:finish={reason}")
    assert (outcome.parts, outcome.finish_reason) == ((), reason)


def test_an_answer_of_words_only_keeps_the_words() -> None:
    outcome, _ = draw("stub:text")
    assert outcome.parts == (Text("I can only describe it."),)
    assert (outcome.images, outcome.usage.output_images) == ((), 0)


# ---- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("marker", "kind", "retryable"),
    [
        ("500", Kind.UPSTREAM_ERROR, True),
        ("502", Kind.UPSTREAM_ERROR, True),
        ("503", Kind.UPSTREAM_ERROR, True),
        ("504", Kind.UPSTREAM_ERROR, True),
        ("html=502", Kind.UPSTREAM_ERROR, True),
        ("html", Kind.UPSTREAM_ERROR, True),
        ("badjson", Kind.UPSTREAM_ERROR, True),
        ("wrongtype", Kind.UPSTREAM_ERROR, True),
        ("wrongmime", Kind.UPSTREAM_ERROR, True),
        ("truncated", Kind.UPSTREAM_ERROR, True),
        ("cut", Kind.UPSTREAM_ERROR, True),
        ("reset", Kind.UPSTREAM_ERROR, True),
        ("huge", Kind.UPSTREAM_ERROR, True),
        ("empty", Kind.UPSTREAM_ERROR, True),
        ("redirect", Kind.UPSTREAM_ERROR, True),
        ("bad_key", Kind.MISCONFIGURED, False),
        ("location", Kind.MISCONFIGURED, False),
        ("401", Kind.MISCONFIGURED, False),
        ("403", Kind.MISCONFIGURED, False),
        ("404", Kind.MISCONFIGURED, False),
        ("400", Kind.BAD_REQUEST, False),
    ],
)
def test_a_call_that_brings_nothing_has_its_kind_and_is_not_sent_again(
    marker: str, kind: Kind, retryable: bool
) -> None:
    error, google = fail(f"stub:{marker}")
    assert (error.kind, error.retryable, error.waits) == (kind, retryable, False)
    assert error.detail
    assert google.calls.total == 1


def test_an_operator_reads_googles_own_words() -> None:
    error, _ = fail("stub:503")
    assert error.detail == "503 UNAVAILABLE: The model is overloaded. Please try again later."


DATE = "retry_after=21_Oct_2015_07:28:00_GMT"  # long past: come back now


@pytest.mark.parametrize(
    ("marker", "seconds"),
    [
        ("429=30", 30),
        ("429=0.8476", 0.8476),
        ("retry_after=7", 7),
        ("429", None),
        ("429=soon", None),
        (DATE, 0),
    ],
)
def test_too_many_requests_say_when_to_come_back_and_spend_no_attempt(
    marker: str, seconds: float | None
) -> None:
    error, google = fail(f"stub:{marker}")
    assert (error.kind, error.retryable, error.waits) == (Kind.RATE_LIMITED, True, True)
    assert error.retry_after == seconds
    assert google.calls.total == 1


@pytest.mark.parametrize("marker", ["hang", "drip"])
def test_the_deadline_ends_a_call_that_hangs_or_drips(marker: str) -> None:
    error, _ = fail(job(order(f"stub:{marker}"), deadline=0.5))
    assert (error.kind, error.retryable) == (Kind.UPSTREAM_TIMEOUT, True)


def test_the_deadline_counts_the_reading_of_the_inputs() -> None:
    async def never(key: str) -> bytes:
        await asyncio.sleep(3600)
        return b""

    error, google = fail(job(order(inputs=(picture(b""),)), deadline=0.2, read=never))
    assert (error.kind, error.retryable) == (Kind.UPSTREAM_TIMEOUT, True)
    assert google.calls.total == 0


def test_a_refused_connection_is_an_upstream_error() -> None:
    error, _ = fail("A cat", url="http://127.0.0.1:1")
    assert (error.kind, error.retryable) == (Kind.UPSTREAM_ERROR, True)


@pytest.mark.parametrize("url", ["gopher://127.0.0.1", "http://", "127.0.0.1:1", "http://[::"])
def test_a_base_url_that_is_none_is_the_channels_fault(url: str) -> None:
    error, _ = fail("A cat", url=url)
    assert (error.kind, error.retryable) == (Kind.MISCONFIGURED, False)


def test_an_unknown_model_and_a_wrong_key_are_the_channels_fault() -> None:
    unknown, google = fail(job(order(), model="gemini-0-retired"))
    wrong, _ = fail("A cat", key="AIza-wrong")
    assert unknown.kind == wrong.kind == Kind.MISCONFIGURED
    assert "is not found for API version v1beta" in unknown.detail
    assert "API key not valid" in wrong.detail
    assert google.calls.total == 0


def test_a_setting_that_google_does_not_know_is_a_bad_request() -> None:
    error, _ = fail(job(order(ratio="7:4")))
    assert (error.kind, error.retryable) == (Kind.BAD_REQUEST, False)
    assert "aspect_ratio" in error.detail


def test_a_signature_that_is_no_base64_is_a_bad_request() -> None:
    error, google = fail(job(order(turns=(Turn("model", (Text("Hi", signature="?!"),)),))))
    assert (error.kind, google.calls.total) == (Kind.BAD_REQUEST, 0)


# ---- several pictures --------------------------------------------------------------------------


def test_each_picture_is_a_call_of_its_own_and_all_run_at_once() -> None:
    outcome, google = draw(job(order("A cat stub:slow=0.3", count=4)))
    assert len({image.data for image in outcome.images}) == 4
    assert (google.calls.total, google.calls.peak) == (4, 4)
    assert outcome.usage.output_images == 4 * 1290
    assert outcome.finish_reason == "STOP"
    assert sorted(outcome.request_id.split(",")) == ["stub-1", "stub-2", "stub-3", "stub-4"]


def test_what_was_drawn_is_delivered_when_other_calls_fail(caplog: pytest.LogCaptureFixture) -> None:
    outcome, _ = draw(job(order("A cat stub:partial=2", count=3)))
    assert len(outcome.images) == 2
    assert outcome.finish_reason == "STOP; failed: upstream_error"
    assert "503 UNAVAILABLE" in caplog.text


def test_a_call_that_hangs_does_not_lose_the_others() -> None:
    outcome, _ = draw(job(order(count=2), deadline=2), "stub:hang")
    assert len(outcome.images) == 1
    assert outcome.finish_reason == "STOP; failed: upstream_timeout"


def test_a_picture_more_than_ordered_is_handed_on_for_the_caller_to_note() -> None:
    outcome, google = draw("stub:two")
    assert [type(part) for part in outcome.parts] == [Image, Text, Image]
    assert google.calls.total == 1


def test_when_every_call_fails_the_error_is_the_one_to_act_on() -> None:
    async def main() -> ProviderError:
        async with Upstream() as google:
            for programme in ("stub:500", "stub:429=5", "stub:429=9"):
                google.program(programme)
            with pytest.raises(ProviderError) as caught:
                await ask(google, job(order(count=3)))
            return caught.value

    error = asyncio.run(main())
    assert (error.kind, error.retry_after) == (Kind.RATE_LIMITED, 9)


def test_a_refusal_stands_although_another_call_failed() -> None:
    outcome, _ = draw(job(order("stub:block", count=2)), "stub:500")
    assert outcome.parts == (Refusal("prompt", "PROHIBITED_CONTENT"),)
    assert outcome.finish_reason == "PROHIBITED_CONTENT; failed: upstream_error"


def test_words_without_a_picture_give_way_to_a_failure_that_may_pass() -> None:
    async def main() -> ProviderError:
        async with Upstream() as google:
            google.program("stub:503")
            with pytest.raises(ProviderError) as caught:
                await ask(google, job(order("stub:text", count=2)))
            return caught.value

    assert asyncio.run(main()).kind == Kind.UPSTREAM_ERROR


# ---- what must never happen --------------------------------------------------------------------


def test_the_key_is_in_no_error_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    error, _ = fail("stub:echo")
    assert "cannot forward [key]" in error.detail
    assert KEY not in caplog.text
    assert KEY not in f"{error!r} {error.__cause__!r} {error.__context__!r} {Account('test', '', KEY)!r}"


POISON = {
    "GOOGLE_API_KEY": "AIza-of-somebody-else",
    "GEMINI_API_KEY": "AIza-of-somebody-else",
    "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:1",
    "GOOGLE_VERTEX_BASE_URL": "http://127.0.0.1:1",
    "GOOGLE_GENAI_USE_VERTEXAI": "true",
    "GOOGLE_GENAI_USE_ENTERPRISE": "true",
    "GOOGLE_GENAI_API_VERSION": "v9",
    "GOOGLE_GENAI_CLIENT_MODE": "replay",
    "GOOGLE_GENAI_HTTP_CLIENT": "httpx",
    "GOOGLE_CLOUD_PROJECT": "somebody-else",
    "GOOGLE_CLOUD_LOCATION": "nowhere",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "http_proxy": "http://127.0.0.1:1",
}


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in POISON.items():
        monkeypatch.setenv(name, value)
    outcome, google = draw("A cat")
    assert len(outcome.images) == 1
    assert google.calls.total == 1


def test_a_channel_without_a_key_never_borrows_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    error, google = fail("A cat", key="")
    assert (error.kind, error.retryable) == (Kind.MISCONFIGURED, False)
    assert google.calls.total == 0


def test_a_redirect_is_not_followed_with_the_key() -> None:
    async def main() -> int:
        async with Upstream() as google, Upstream() as stranger:
            there = f"{stranger.url}/v1beta/models/{FLASH}:generateContent"
            google.program(f"stub:redirect={there}")
            with pytest.raises(ProviderError):
                await ask(google, job(order()))
            return stranger.calls.total

    assert asyncio.run(main()) == 0


def test_one_engine_serves_many_jobs_and_closes_twice() -> None:
    async def main() -> list[int]:
        async with Upstream() as google:
            engine = Gemini(Account("test", f"{google.url}/v1beta/", KEY))
            made = [len((await engine.generate(job(order()))).images) for _ in range(3)]
            await engine.close()
            await engine.close()
            return made

    assert asyncio.run(main()) == [1, 1, 1]


def test_a_cancelled_job_is_cancelled() -> None:
    async def main() -> int:
        async with Upstream() as google:
            task = asyncio.create_task(ask(google, job(order("stub:hang", count=3))))
            await until(lambda: google.calls.in_flight == 3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: google.calls.in_flight == 0)
            return google.calls.in_flight

    assert asyncio.run(main()) == 0


def test_the_engine_knows_nothing_of_django() -> None:
    code = "import sys, generations.providers.gemini; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
