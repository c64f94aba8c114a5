"""Named points at which a test may let the process die, to see what a crash leaves behind.

`FAILPOINTS="finish.after_commit:0.5, claim.after:1"` gives each point its chance. Only `EASEL_ENV=test`
honours it, and every other environment refuses to start with it; without it a point costs one look
into an empty mapping.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping

POINTS = (
    *("submit.before_commit", "submit.after_commit", "claim.after", "upstream.after", "storage.after_put"),
    *("finish.before_commit", "finish.after_commit", "dispatch.after_send"),
)
EXIT_CODE = 9


def read(text: str) -> Mapping[str, float]:
    """The chances by point. Raises ValueError for an unknown point or a chance that is none."""
    chances = {}
    for item in filter(None, map(str.strip, text.split(","))):
        name, _, chance = item.partition(":")
        if name not in POINTS or not 0 <= float(chance or 1) <= 1:
            raise ValueError(
                f"{item!r} is no failpoint: name one of {', '.join(POINTS)}, and a chance up to 1"
            )
        chances[name] = float(chance or 1)
    return chances


_chances = read(os.environ.get("FAILPOINTS", "")) if os.environ.get("EASEL_ENV") == "test" else {}


def failpoint(name: str) -> None:
    """Die here, at once and without a word to anybody but the log, if a test wants it."""
    if _chances and random.random() < _chances.get(name, 0):  # noqa: S311 - no secret
        os.write(2, f"failpoint {name}\n".encode())
        os._exit(EXIT_CODE)
