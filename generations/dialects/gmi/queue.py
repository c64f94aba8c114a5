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
from generations.spec import Kind

PAGE_SIZE, MOST_PAGES, LARGEST_PAGE = 20, 100_000, 100
FILE_TYPES = ("png", "jpeg", "jpg", "mp4", "mp3", "wav")


@dataclass(frozen=True, slots=True)
class Listing:
    """Which of the own requests to list; `page` counts from 1."""

    model: str | None
    status: str | None
    page: int
    page_size: int


def read_listing(query: Mapping[str, str]) -> Listing:
    """The query of a list. Raises Problem(BAD_REQUEST)."""
    return Listing(
        model=query.get("model_id") or None,
        status=word(query.get("status") or None, "status", tuple(STATUS.values())),
        page=_whole(query, "page", 1, MOST_PAGES),
        page_size=_whole(query, "page_size", PAGE_SIZE, LARGEST_PAGE),
    )


def read_file_type(body: Mapping[str, Any]) -> str:
    """The kind of file that is to be uploaded. Raises Problem(BAD_REQUEST)."""
    file_type = text(body.get("file_type"), "file_type")
    if not file_type or file_type not in FILE_TYPES:
        raise bad("file_type", f"must be one of {', '.join(FILE_TYPES)}")
    return file_type


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
