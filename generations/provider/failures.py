"""What goes wrong between an engine and its upstream, whatever the upstream: as a `ProviderError`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from generations.errors import ProviderError
from generations.spec import Kind

EXCERPT = 500
"""Characters of an upstream's own words in an error."""


class Malformed(Exception):
    """An answer with status 200 that is not what its upstream documents."""


class Unusable(ValueError):
    """A channel that cannot be called as it is set up: no key, no address, a broken credential."""


def raised(error: Exception, *secrets: str) -> ProviderError:
    """The ProviderError that tells an exception of a call; none of the secrets appears in it."""
    match error:
        case ProviderError():
            return error
        case TimeoutError():
            return ProviderError(Kind.UPSTREAM_TIMEOUT, "no whole answer in time", retryable=True)
        case Unusable():
            kind, retryable = Kind.MISCONFIGURED, False
        case _:  # refused, reset, cut short, too long, TLS, malformed
            kind, retryable = Kind.UPSTREAM_ERROR, True
    words = hide(f"{type(error).__name__}: {error}", *secrets)
    return ProviderError(kind, words, retryable=retryable, garbled=isinstance(error, Malformed))


def hide(text: str, *secrets: str) -> str:
    """The text without the secrets."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "[key]")
    return text


def most_telling(failures: Sequence[ProviderError]) -> ProviderError:
    """The failure to act on: one that would come again, then one that says when to come back."""
    worth = (Kind.MISCONFIGURED, Kind.BAD_REQUEST, Kind.RATE_LIMITED, Kind.UPSTREAM_ERROR)
    rank = {kind: place for place, kind in enumerate(worth)}
    return min(failures, key=lambda f: (rank.get(f.kind, len(rank)), -(f.retry_after or 0)))


def seconds(header: str) -> float | None:
    """What `Retry-After` says, in seconds or as a date."""
    plain = number(header)
    return _until(header) if plain is None else plain


def number(text: str) -> float | None:
    """A plain number of seconds, 0 or more."""
    try:
        found = float(text)
    except ValueError:
        return None
    return max(0.0, found) if math.isfinite(found) else None


def _until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
