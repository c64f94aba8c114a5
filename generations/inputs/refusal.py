"""Why a picture is not taken. Nothing of its server or of our decoder is told."""

from __future__ import annotations

from generations.errors import Problem
from generations.spec import Kind


class Refused(Exception):
    """A picture that is not taken: a kind, a word for programs, and the rest of a sentence that begins
    with its field; seconds after which to try again, where that may help."""

    def __init__(self, kind: Kind, reason: str, sentence: str, *, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.kind, self.reason, self.sentence, self.retry_after = kind, reason, sentence, retry_after

    def problem(self, field: str) -> Problem:
        """The same, about the field of a request."""
        message = f"{field} {self.sentence}"
        return Problem(
            self.kind, message, param=field or None, retry_after=self.retry_after, reason=self.reason
        )


def not_an_image(sentence: str) -> Refused:
    return Refused(Kind.BAD_REQUEST, "not_an_image", sentence)


def not_allowed() -> Refused:
    """Said of every address that is not ours to call or not his to read, whatever it is."""
    return Refused(Kind.BAD_REQUEST, "url_not_allowed", "may not be fetched (url_not_allowed).")


def larger_than(limit: int) -> Refused:
    unit = 10**6 if limit % 10**6 == 0 else 2**20  # as the vendor counts them
    return Refused(Kind.TOO_LARGE, "too_large", f"is larger than {limit / unit:.3g} MB.")
