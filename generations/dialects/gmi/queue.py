"""The request queue's side questions: which requests to list, which file to upload, whose they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from generations.dialect import Incoming
from generations.dialects.gmi.fields import bad, text, word
from generations.dialects.gmi.record import STATUS
from generations.errors import Problem
from generations.spec import Kind, Offer, State, Wanted
from generations.wording import offer_named

PAGE_SIZE, LARGEST_PAGE = 20, 100
MOST_PAGES = 10_000
STATES = {status: state for state, status in STATUS.items()}
FILE_TYPES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
}
OF_OTHER_MODELS = ("mp4", "mp3", "wav")


@dataclass(frozen=True, slots=True)
class Listing:
    """Which of the own requests to list; `page` counts from 1."""

    model: str
    state: State | None
    page: int
    page_size: int

    def wanted(self, offers: tuple[Offer, ...]) -> Wanted:
        """The same for the desk. A model that nobody offers lists nothing."""
        offer = offer_named(offers, self.model)
        return Wanted(
            states=(self.state,) if self.state else (),
            model=offer.model if offer else self.model,
            skip=(self.page - 1) * self.page_size,
            size=self.page_size,
        )


def read_listing(query: Mapping[str, str]) -> Listing:
    """The query of a list. Raises Problem(BAD_REQUEST)."""
    status = word(query.get("status") or None, "status", tuple(STATES))
    return Listing(
        model=query.get("model_id", ""),
        state=STATES[status] if status else None,
        page=_whole(query, "page", 1, MOST_PAGES),
        page_size=_whole(query, "page_size", PAGE_SIZE, LARGEST_PAGE),
    )


def read_file_type(body: Mapping[str, Any]) -> str:
    """The type of the picture that is to be uploaded, such as `image/png`. Raises
    Problem(BAD_REQUEST)."""
    file_type = text(body.get("file_type"), "file_type") or ""
    if file_type in OF_OTHER_MODELS:
        raise bad("file_type", f"{file_type} is not used by these models; it is one of {_types()}")
    if file_type not in FILE_TYPES:
        raise bad("file_type", f"must be one of {_types()}")
    return FILE_TYPES[file_type]


def _types() -> str:
    return ", ".join(FILE_TYPES)


def refuse_other_organization(request: Incoming, organization: UUID | None, missing: str) -> None:
    """`X-Organization-ID` names the organization of the key or nothing. Raises Problem(NOT_FOUND,
    `missing`) for anything else."""
    named = request.headers.get("x-organization-id", "").strip()
    if not named:
        return
    try:
        asked = UUID(named)
    except ValueError:
        raise Problem(Kind.NOT_FOUND, missing) from None
    if organization != asked:
        raise Problem(Kind.NOT_FOUND, missing)


def _whole(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    value = query.get(name) or str(default)
    number = int(value) if value.isascii() and value.isdigit() and len(value) < 9 else 0
    if not 1 <= number <= most:
        raise bad(name, f"must be an integer from 1 to {most}")
    return number
