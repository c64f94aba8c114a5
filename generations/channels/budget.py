"""How often may be tried again: retries are at most a tenth of this process's calls, so that they do not
finish off an upstream that stumbles. A small floor lets a quiet process retry, too."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

SHARE = 0.1
FLOOR, FLOOR_A_SECOND, MOST = 30.0, 1.0, 100.0


@dataclass
class Budget:
    """Retries that are left. `FLOOR` of them to begin with; while there are fewer, one more a second."""

    left: float = FLOOR
    at: float = field(default_factory=time.monotonic)

    def called(self) -> None:
        """A first call was made: it earns a tenth of a retry."""
        self._refill()
        self.left = min(self.left + SHARE, MOST)

    def spend(self) -> bool:
        """Take one retry, if there is one."""
        self._refill()
        if self.left < 1:
            return False
        self.left -= 1
        return True

    def _refill(self) -> None:
        now = time.monotonic()
        if self.left < FLOOR:
            self.left = min(self.left + (now - self.at) * FLOOR_A_SECOND, FLOOR)
        self.at = now


retries = Budget()
