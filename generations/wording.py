"""Small pieces of translation that several dialects need: keys, names, shapes, money.

Nothing here knows a vendor: it says what is true, the dialect says it in its own words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from generations.dialect import Incoming
from generations.errors import Problem
from generations.spec import Kind, Offer, Size
from runtime.logs import mask

NANO = Decimal(10) ** 9
TIERS = {"512": 512, "0.5K": 512, "1K": 1024, "2K": 2048, "4K": 4096}
PIXELS = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")
RATIO = re.compile(r"([1-9][0-9]{0,3}):([1-9][0-9]{0,3})")
TYPE_NAMES: Mapping[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


# ---- keys and headers ------------------------------------------------------------------------


def bearer(request: Incoming) -> str | None:
    """The token of `Authorization: Bearer <token>`, None without that header. Raises
    Problem(AUTH_INVALID) for another scheme or an empty token."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Problem(Kind.AUTH_INVALID, "The Authorization header must read 'Bearer <API key>'.")
    return token.strip()


def one_key(found: Iterable[str | None]) -> tuple[str, ...]:
    """The one key among what the headers carry, or none. Two different keys are a 400: guessing
    which of them pays would be wrong half of the time."""
    keys = tuple(dict.fromkeys(key for key in found if key))
    if len(keys) > 1:
        raise Problem(Kind.BAD_REQUEST, "The request carries two different API keys; send one of them.")
    return keys


def retry_headers(problem: Problem) -> dict[str, str]:
    """`Retry-After` in seconds where the problem names it, and always where it is about load."""
    seconds = problem.retry_after
    if seconds is None and problem.kind in (Kind.RATE_LIMITED, Kind.OVERLOADED):
        seconds = 1
    return {} if seconds is None else {"Retry-After": str(max(1, seconds))}


def allow_headers(problem: Problem) -> dict[str, str]:
    """`Allow` for a wrong method, from the fact `allowed` (a list of methods)."""
    allowed = problem.facts.get("allowed")
    if problem.kind is not Kind.METHOD_NOT_ALLOWED or not allowed:
        return {}
    return {"Allow": allowed if isinstance(allowed, str) else ", ".join(allowed)}


def naming(problem: Problem) -> str:
    """The problem's sentence, with its field in front where the sentence does not name it: for
    envelopes that have no member for the field."""
    if not problem.param or problem.param in problem.message:
        return problem.message
    return f"{problem.param}: {problem.message}"


# ---- values ----------------------------------------------------------------------------------


def type_name(value: Any) -> str:
    """What JSON calls the type of a parsed value: `string`, `number`, `array`, ..."""
    return TYPE_NAMES[type(value)]


def is_integer(value: Any) -> bool:
    """True for a JSON integer: neither `true` nor `1.0` nor `"1"` is one."""
    return type(value) is int


def number(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    """A number from 1 to `most` of the query. Raises Problem(BAD_REQUEST)."""
    said = query.get(name)
    if said is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", said) or not 1 <= int(said) <= most:
        raise Problem(Kind.BAD_REQUEST, f"{name} must be a number from 1 to {most}", param=name)
    return int(said)


def clip(text: str, longest: int = 80) -> str:
    """A customer's own word, short enough to be repeated to him in a sentence; a key that strayed into
    it is not."""
    return str(mask(text if len(text) <= longest else text[: longest - 3] + "..."))


def offer_named(offers: Sequence[Offer], name: str) -> Offer | None:
    """The offer that goes by that name or alias in this dialect."""
    return next((offer for offer in offers if name in offer.names), None)


def listed(offers: Sequence[Offer]) -> tuple[Offer, ...]:
    """The offers that a model list may show to the key that asks."""
    return tuple(offer for offer in offers if offer.allowed)


# ---- shapes ----------------------------------------------------------------------------------


def parse_pair(pattern: re.Pattern[str], text: str) -> tuple[int, int] | None:
    """The two positive numbers of `1792x1024` (PIXELS) or `16:9` (RATIO); None if malformed."""
    match = pattern.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def nearest_ratio(offer: Offer, width: int, height: int) -> str:
    """The offered ratio that is numerically nearest to width:height."""
    wanted = math.log(width / height)
    return min((cell.ratio for cell in _cells(offer)), key=lambda ratio: abs(_log_ratio(ratio) - wanted))


def nearest_size(offer: Offer, ratio: str, width: int, height: int) -> Size:
    """Of the cells with that ratio, the one with nearly as many pixels; the smaller one on a tie."""
    wanted = math.log(width * height)
    cells = [cell for cell in _cells(offer) if cell.ratio == ratio]
    return min(cells, key=lambda c: (abs(math.log(c.width * c.height) - wanted), c.width * c.height))


def exact_size(offer: Offer, width: int, height: int) -> Size | None:
    """The offered cell with exactly these pixels, if there is one."""
    return next((cell for cell in _cells(offer) if (cell.width, cell.height) == (width, height)), None)


def nearest_resolution(offer: Offer, asked: str) -> str | None:
    """The offered resolution nearest to a tier (`512`, `0.5K`, `1K`, `2K`, `4K`), the lower one on
    a tie; None if `asked` is no tier at all."""
    if asked in offer.resolutions:
        return asked
    if asked not in TIERS:
        return None
    known = [resolution for resolution in offer.resolutions if resolution in TIERS]
    return min(known, key=lambda r: (abs(math.log(TIERS[r] / TIERS[asked])), TIERS[r]))


def same_tier(one: str, other: str) -> bool:
    """True if both words name the same resolution (`0.5K` is EvoLink's word for `512`)."""
    return one == other or TIERS.get(one, 0) == TIERS.get(other, -1)


def _cells(offer: Offer) -> list[Size]:
    """What the engine can draw and the dialect offers."""
    return [c for c in offer.sizes if c.ratio in offer.ratios and c.resolution in offer.resolutions]


def _log_ratio(ratio: str) -> float:
    width, _, height = ratio.partition(":")
    return math.log(int(width) / int(height))


# ---- money -----------------------------------------------------------------------------------


def dollars(nano: int) -> Decimal:
    """Nano-dollars as dollars, exactly."""
    return Decimal(nano) / NANO


def credits(nano: int, per_dollar: int) -> Decimal:
    """Nano-dollars in a vendor's display credits, exactly."""
    return dollars(nano) * per_dollar


def json_number(amount: Decimal, places: int = 6) -> int | float:
    """The amount as a JSON number, rounded half-up; a whole amount is an integer. The float is the
    nearest to the decimal, so that it prints as the decimal: 2.6316, never 2.6315999."""
    rounded = amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return int(rounded) if rounded == rounded.to_integral_value() else float(rounded)


def decimal_text(amount: Decimal, places: int = 9) -> str:
    """The amount as a plain decimal string without trailing zeros or exponent: `0.0387`, `0`."""
    text = format(amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def shortage(problem: Problem) -> str:
    """What is missing and where to get it, from the facts `needed`, `balance` (nano-dollars) and
    `topup_url`; empty without them."""
    needed, balance = problem.facts.get("needed"), problem.facts.get("balance")
    sentences = []
    if needed is not None and balance is not None:
        have = f"the balance is ${decimal_text(dollars(balance))}"
        sentences.append(f"This needs ${decimal_text(dollars(needed))}, {have}.")
    if problem.facts.get("topup_url"):
        sentences.append(f"Top up at {problem.facts['topup_url']}")
    return " ".join(sentences)
