"""The one error a door renders and the one error an engine raises.

Problem         said to a customer, in the words of the door he came through
ProviderError   said by an engine to the runner, which decides: again, or over
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from generations.spec import Kind


class Problem(Exception):
    """A request that cannot be answered as asked.

    Takes the `kind`, a sentence that says what happened and what to do, the offending field
    (`param`, in the door's own spelling), seconds after which to try again, the generation it is
    about if one exists (then a hold was taken), and facts a door may show (`needed`, `balance` in
    nano-dollars, `topup_url`, `allowed`).
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        param: str | None = None,
        retry_after: int | None = None,
        generation: UUID | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message)
        self.kind, self.message, self.param = kind, message, param
        self.retry_after, self.generation, self.facts = retry_after, generation, facts


class ProviderError(Exception):
    """An upstream call that brought nothing.

    `retryable` says whether another attempt may help, `retry_after` (seconds) when; `detail` is
    for operators only (cut to 2,000 characters) and never reaches a customer. `waits` marks an
    answer that spends no attempt (429: come back later), `garbled` a whole answer that makes no sense:
    it speaks against that answer, not against the upstream's health.
    """

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        waits: bool = False,
        garbled: bool = False,
        request_id: str = "",
    ) -> None:
        super().__init__(detail[:2000])
        self.kind, self.detail, self.retryable = kind, detail[:2000], retryable
        self.retry_after, self.waits, self.request_id = retry_after, waits, request_id
        self.garbled = garbled
