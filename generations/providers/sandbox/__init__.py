"""The engine `sandbox`: no network, no bill, and a picture that looks like one.

Test keys are always served by it. Magic words anywhere in the prompt make it misbehave:

    test:fail           fails, and another try would too
    test:block          blocked for its prompt
    test:slow=30        takes so many seconds
    test:partial=3/4    makes three images where four were ordered
    test:text           answers with words only
    test:error=<kind>   ends with that kind, e.g. `test:error=overloaded`

(`test:webhook500` is for callbacks: here it is a prompt like any other.)
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from generations.errors import ProviderError
from generations.provider import Account, Job
from generations.providers.sandbox.studio import picture
from generations.spec import Image, Kind, Order, Outcome, Refusal, Text, Usage

THREADS = 2
INPUT_TOKENS = 258  # of one input image, as Gemini 2.5 counts them
CHARACTERS_PER_TOKEN = 4
MAGIC = re.compile(r"test:(fail|block|text|slow=\d{1,4}(?:\.\d{1,3})?|partial=\d{1,2}/\d{1,2}|error=[a-z_]+)")

# The kinds a generation can fail with: may another try help? None of them makes anybody wait: who
# writes the words wants to see the end.
FAILURES: Mapping[Kind, bool] = {
    Kind.BAD_REQUEST: False,
    Kind.TOO_LARGE: False,
    Kind.UNSUPPORTED_MEDIA: False,
    Kind.RATE_LIMITED: False,
    Kind.UPSTREAM_ERROR: True,
    Kind.UPSTREAM_TIMEOUT: True,
    Kind.OVERLOADED: False,
    Kind.MISCONFIGURED: False,
    Kind.DEADLINE: False,
    Kind.WORKER_LOST: False,
    Kind.INTERNAL: False,
}
SHOWN = 3  # input images that hang on the wall


class Sandbox:
    """Draws in two threads of its own. Takes the channel's account, of which it needs nothing."""

    name = "sandbox"

    def __init__(self, account: Account) -> None:
        self._account = account
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="sandbox")

    async def generate(self, job: Job) -> Outcome:
        """`job.count` PNGs of exactly `job.size`, in `job.deadline` seconds.

        The same prompt, ratio, size and seed give the same pictures; the last input images hang on
        the wall. Raises ProviderError as the magic words ask, and for an input that is no image.
        Errors of `job.read` pass as they are.
        """
        try:
            async with asyncio.timeout(job.deadline) as limit:
                return await self._answer(job, _spells(_prompt(job.order)))
        except TimeoutError:
            if not limit.expired():
                raise
        raise ProviderError(Kind.UPSTREAM_TIMEOUT, f"no answer in {job.deadline:g} s", retryable=True)

    async def probe(self, model: str, deadline: float) -> None:
        """It is always there."""

    async def close(self) -> None:
        """Let the threads end; may be called twice."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _answer(self, job: Job, spells: Mapping[str, str]) -> Outcome:
        await asyncio.sleep(float(spells.get("slow", 0)))
        if told := _told(job, spells):
            return told
        shown = await self._shown(job)
        drawing = (self._draw(job, number, shown) for number in range(_count(job, spells)))
        return _outcome(job, *await asyncio.gather(*drawing))

    async def _shown(self, job: Job) -> Sequence[bytes]:
        images = [stored for stored in job.order.inputs if stored.role == "image"]
        return await asyncio.gather(*(job.read(stored.key) for stored in images[-SHOWN:]))

    async def _draw(self, job: Job, number: int, shown: Sequence[bytes]) -> Image:
        # Images that an earlier attempt delivered are not drawn again: the later numbers are left.
        index = max(0, job.order.count - job.count) + number
        size = job.size.width, job.size.height
        seed = job.order.sampling.seed or 0
        draw = partial(picture, _prompt(job.order), job.size.ratio, size, seed, index, shown)
        try:
            data = await asyncio.get_running_loop().run_in_executor(self._threads, draw)
        except (OSError, SyntaxError) as error:  # pillow's words for what is no image
            raise ProviderError(Kind.UNSUPPORTED_MEDIA, f"the input cannot be shown: {error}") from None
        return Image(data, "image/png")


def _prompt(order: Order) -> str:
    """What is asked now: the prompt, else the words of the conversation's last turn."""
    if order.prompt or not order.turns:
        return order.prompt
    return " ".join(part.text for part in order.turns[-1].parts if isinstance(part, Text))


def _spells(prompt: str) -> Mapping[str, str]:
    """The magic words of a prompt with their values."""
    pairs = (found.partition("=") for found in MAGIC.findall(prompt))
    return {word: value for word, _, value in pairs}


def _told(job: Job, spells: Mapping[str, str]) -> Outcome | None:
    """An answer without an image, if one is asked for. Raises ProviderError."""
    if "fail" in spells:
        raise ProviderError(Kind.UPSTREAM_ERROR, "test:fail", request_id=_request_id(job))
    if "block" in spells:
        return _outcome(job, Refusal("prompt", "PROHIBITED_CONTENT", "The prompt was blocked: test:block."))
    if "text" in spells:
        return _outcome(job, Text("There is no image, because the prompt says test:text."))
    return _failed(job, spells["error"]) if "error" in spells else None


def _failed(job: Job, word: str) -> Outcome:
    """What an engine answers or raises with a kind. A word that is none of its kinds is refused."""
    if word == Kind.CONTENT_BLOCKED:
        return _outcome(job, Refusal("output", "IMAGE_SAFETY", "The image was blocked: test:error."))
    if word == Kind.NO_IMAGE:
        return _outcome(job)
    kind = next((kind for kind in FAILURES if kind == word), Kind.BAD_REQUEST)
    detail = (
        f"test:error={word}" if word in FAILURES else f"test:error={word} is none of {', '.join(FAILURES)}"
    )
    raise ProviderError(
        kind,
        detail,
        retryable=FAILURES[kind],
        request_id=_request_id(job),
    )


def _count(job: Job, spells: Mapping[str, str]) -> int:
    """How many images to make: all, or the part asked for, rounded down, but at least one."""
    if "partial" not in spells:
        return job.count
    part, whole = map(int, spells["partial"].split("/"))
    return max(1, min(job.count, job.count * part // max(1, whole)))


def _outcome(job: Job, *parts: Text | Image | Refusal) -> Outcome:
    """The parts with token counts and a finish reason such as Gemini's."""
    images = sum(isinstance(part, Image) for part in parts)
    words = sum(_text_tokens(part.text) for part in parts if isinstance(part, Text))
    refusals = [part.category for part in parts if isinstance(part, Refusal)]
    shown = INPUT_TOKENS * len(job.order.inputs)
    usage = Usage(
        prompt=_text_tokens(_prompt(job.order)) + shown,
        prompt_images=shown,
        output_images=job.size.tokens * images,
        text=words,
    )
    reason = refusals[0] if refusals else "STOP" if parts else "NO_IMAGE"
    return Outcome(parts, usage, _request_id(job), reason)


def _text_tokens(text: str) -> int:
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def _request_id(job: Job) -> str:
    """The same for the same order and attempt, as everything here."""
    return f"sandbox-{hashlib.sha256(job.order.fingerprint()).hexdigest()[:16]}-{job.attempt}"
