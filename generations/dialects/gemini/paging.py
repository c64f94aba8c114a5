"""What a list is asked for, in either spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping

from generations.dialects.gemini.proto import bad, snake
from generations.wording import clip


def page_size(query: Mapping[str, str], default: int, most: int) -> int:
    """0 and absence mean the default; more than the most is the most. Raises Problem(BAD_REQUEST)."""
    asked = _given(query, "pageSize") or "0"
    if not re.fullmatch(r"[0-9]{1,10}", asked):
        raise bad("pageSize", f"Invalid value at 'pageSize' (TYPE_INT32), \"{clip(asked)}\"")
    return min(int(asked) or default, most)


def page_token(query: Mapping[str, str]) -> str:
    """Where the page begins; empty for the first."""
    return _given(query, "pageToken")


def _given(query: Mapping[str, str], name: str) -> str:
    return (query.get(name) or query.get(snake(name)) or "").strip()
