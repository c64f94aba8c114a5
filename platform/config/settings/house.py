"""What the environment says, read once: `settings.EASEL`."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from config import environment

try:
    EASEL = environment.read(os.environ)
except environment.EnvironmentProblem as problem:
    raise SystemExit(f"Easel cannot start.\n{problem}") from None

HOST = urlsplit(EASEL.url).hostname or "localhost"
