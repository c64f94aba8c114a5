"""The narrow waist: what was asked, what came out, what a door may tell. No Django here.

A dialect turns a request into an `Order` and a `Report` or `Problem` into its vendor's words.
A provider turns an `Order` into an `Outcome`. Neither knows the other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class State(StrEnum):
    """Where a generation stands. The last three are final: they never change again."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in (State.SUCCEEDED, State.FAILED, State.CANCELLED)


class Kind(StrEnum):
    """Every way a request or a generation can go wrong. Each dialect words each of them."""

    BAD_REQUEST = "bad_request"
    AUTH_MISSING = "auth_missing"
    AUTH_INVALID = "auth_invalid"
    KEY_DISABLED = "key_disabled"
    KEY_EXPIRED = "key_expired"
    IP_NOT_ALLOWED = "ip_not_allowed"
    ORGANIZATION_SUSPENDED = "organization_suspended"
    NO_CREDIT = "no_credit"
    BUDGET_EXCEEDED = "budget_exceeded"
    FORBIDDEN_MODEL = "forbidden_model"
    FORBIDDEN = "forbidden"
    UNKNOWN_MODEL = "unknown_model"
    NOT_FOUND = "not_found"
    GONE = "gone"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_CANCELLABLE = "not_cancellable"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA = "unsupported_media"
    RATE_LIMITED = "rate_limited"
    CONTENT_BLOCKED = "content_blocked"
    NO_IMAGE = "no_image"
    UPSTREAM_ERROR = "upstream_error"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    OVERLOADED = "overloaded"
    MISCONFIGURED = "misconfigured"
    DEADLINE = "deadline"
    WORKER_LOST = "worker_lost"
    INTERNAL = "internal"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Size:
    """One cell of a model's table: the pixels of a ratio at a resolution, and what the image costs."""

    resolution: str
    ratio: str
    width: int
    height: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Offer:
    """What one dialect offers of one model to the key that asks.

    `names` are all names this dialect accepts for the model, the listed one first; `ratios` the
    ratios the dialect documents; `sizes` every cell the engine can draw; `unit_price` nano-dollars
    per token; `credits_per_dollar` the vendor's display rate (0 where the vendor has none).
    `max_references` is the most pictures one request may show, `max_input_images` how many the
    engine itself looks at. `allowed` False: the key may not use the model; lists hide it and an order
    for it is a 403.
    """

    model: str
    names: tuple[str, ...]
    title: str
    description: str
    released: int
    ratios: tuple[str, ...]
    resolutions: tuple[str, ...]
    default_resolution: str
    default_ratio: str | None
    sizes: tuple[Size, ...]
    prompt_characters: int
    max_count: int
    max_references: int
    reference_bytes: int
    input_tokens_per_image: int
    input_token_limit: int
    output_token_limit: int
    unit_price: int
    credits_per_dollar: int = 0
    max_input_images: int = 14
    allowed: bool = True

    def size(self, resolution: str, ratio: str) -> Size | None:
        return next((s for s in self.sizes if (s.resolution, s.ratio) == (resolution, ratio)), None)


@dataclass(frozen=True, slots=True)
class Input:
    """One stored input image, already checked and re-encoded. `role` is `image` or `mask`."""

    sha256: str
    mime: str
    width: int
    height: int
    bytes: int
    key: str
    role: str = "image"


@dataclass(frozen=True, slots=True)
class Source:
    """An input picture as the client gave it: a URL (`https:`, `gs://`, `data:`, one of ours) or bytes.

    `field` is its place in the request, in the door's own spelling, for errors (`image_urls[0]`).
    `limit` is the most bytes its file may have; `http` allows plain http, where the vendor's page does.
    """

    field: str
    url: str = ""
    data: bytes = b""
    role: str = "image"
    limit: int = 10 * 2**20
    http: bool = False


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture a customer keeps with us for later orders. `url` is absolute and opens without a key;
    `bytes` is 0 while a promised file has not come yet."""

    id: UUID
    name: str
    path: str
    mime: str
    width: int
    height: int
    bytes: int
    sha256: str
    url: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left and what was used, in nano-dollars: of the wallet, and of the key's own total
    budget (`key_limit` None: it has none). `key_used` is the key's spend of all time."""

    available: int
    used: int
    key_name: str
    key_limit: int | None
    key_used: int


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    thought: bool = False
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """An image inside a turn of history: an index into `Order.inputs`."""

    input: int
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation; `role` is `user` or `model`."""

    role: str
    parts: tuple[Text | Picture, ...]


@dataclass(frozen=True, slots=True)
class Sampling:
    """Generation settings that are passed to the engine as they are; None means the model's own."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_output_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    safety: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked, in neutral words.

    `model` is the catalogue's name, `asked` the client's own. `ratio` None means: follow the last
    input image, else the model's default. `quality`, `style` and `background` shape the picture,
    never the price. `echo` is what the dialect wants back when it renders (JSON), `adjusted` the
    sentences of `X-Easel-Adjusted`; neither is part of the meaning.
    """

    model: str
    asked: str
    prompt: str
    count: int = 1
    ratio: str | None = None
    resolution: str = "1K"
    inputs: tuple[Input, ...] = ()
    turns: tuple[Turn, ...] = ()
    system: str = ""
    format: str | None = None
    compression: int | None = None
    background: str | None = None
    quality: str | None = None
    style: str | None = None
    sampling: Sampling = Sampling()
    callback_url: str | None = None
    adjusted: tuple[str, ...] = ()
    echo: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` turns back into an equal order."""
        return asdict(self) | {"echo": dict(self.echo)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Order:
        """The order that `to_json` wrote."""
        return cls(
            **{
                **data,
                "inputs": tuple(Input(**i) for i in data["inputs"]),
                "turns": tuple(_turn(t) for t in data["turns"]),
                "sampling": _sampling(data["sampling"]),
                "adjusted": tuple(data["adjusted"]),
            }
        )

    def fingerprint(self) -> bytes:
        """32 bytes, equal for two orders that mean the same, whatever door or encoding they came by."""
        meaning = replace(self, asked="", adjusted=(), echo={}).to_json()
        for stored in meaning["inputs"]:
            del stored["key"]
        canonical = json.dumps(meaning, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).digest()


def _turn(data: Mapping[str, Any]) -> Turn:
    return Turn(data["role"], tuple(Picture(**p) if "input" in p else Text(**p) for p in data["parts"]))


def _sampling(data: Mapping[str, Any]) -> Sampling:
    safety = tuple((category, threshold) for category, threshold in data["safety"])
    return Sampling(**{**data, "stop": tuple(data["stop"]), "safety": safety})


# ---- what an engine made ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Image:
    """One image as the engine returned it: whole file bytes, its claimed type, its signature."""

    data: bytes
    mime: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The engine declined. `stage` is `prompt` or `output`, `category` the engine's own word."""

    stage: str
    category: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; recorded, never billed. `prompt` is all input,
    `prompt_images` the part of it that is pictures."""

    prompt: int = 0
    prompt_images: int = 0
    output_images: int = 0
    thoughts: int = 0
    text: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an engine made: an ordered list of parts, plus what it said about itself. `lost` counts
    ordered images that failed for a reason which may pass."""

    parts: tuple[Text | Image | Refusal, ...]
    usage: Usage = Usage()
    request_id: str = ""
    finish_reason: str = ""
    lost: int = 0

    @property
    def images(self) -> tuple[Image, ...]:
        return tuple(p for p in self.parts if isinstance(p, Image))


# ---- what a door may tell --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivered:
    """One stored image of a generation. `url` is absolute and opens without a key."""

    number: int
    url: str
    mime: str
    width: int
    height: int
    bytes: int
    sha256: str
    key: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A generation as its owner may see it. Money in nano-dollars, times timezone-aware.

    `parts` is the ordered JSON list of what came out: `{"text": ...}`, `{"image": number}`,
    `{"refusal": category, "stage": ..., "message": ...}`. `tokens_held` is the hold at submit,
    `tokens` what was charged (0 unless succeeded). `progress` 0-100.
    """

    id: UUID
    ticket: str
    organization: UUID
    mode: str
    dialect: str
    state: State
    order: Order
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None
    progress: int
    estimated_seconds: int
    unit_price: int
    credits_per_dollar: int
    tokens_held: int
    tokens: int
    usage: Usage
    kind: Kind | None = None
    message: str = ""
    images: tuple[Delivered, ...] = ()
    parts: tuple[Mapping[str, Any], ...] = ()
    replayed: bool = False

    @property
    def can_cancel(self) -> bool:
        return not self.state.final

    @property
    def cost(self) -> int:
        """What was charged, in nano-dollars."""
        return self.tokens * self.unit_price

    @property
    def held(self) -> int:
        """What was held at submit, in nano-dollars."""
        return self.tokens_held * self.unit_price


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which generations a list shall hold: newest first, those older than `after`, `size` of them after
    `skip`. Empty: any."""

    states: tuple[State, ...] = ()
    model: str = ""
    dialect: str = ""
    after: UUID | None = None
    skip: int = 0
    size: int = 20


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a list, and how many there are in all (counted up to 10,000)."""

    reports: tuple[Report, ...]
    total: int
