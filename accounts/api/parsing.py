"""How a body is read: strictly, and within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework import exceptions
from rest_framework.parsers import BaseParser

from accounts.api.problems import Refused
from runtime import strict_json

JSON_BYTES = 1024 * 1024


class StrictJSON(BaseParser):
    """One JSON object of at most 1 MB; nothing at all is an empty one."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        data = bounded(stream, parser_context, JSON_BYTES)
        if not data.strip():
            return {}
        try:
            return strict_json.loads(data)
        except strict_json.Refused as problem:
            raise exceptions.ParseError(str(problem)) from None


def bounded(stream: IO[Any], context: Mapping[str, Any] | None, most: int) -> bytes:
    """The whole body. Raises Refused for one that is encoded or has more than `most` bytes."""
    headers = context["request"].headers if context else {}
    if headers.get("Content-Encoding", "identity") != "identity":
        raise Refused("unsupported_media", 415, "Send the body without Content-Encoding.")
    data: bytes = stream.read(most + 1)
    if len(data) > most:
        raise Refused("too_large", 413, f"The body is larger than {most // (1024 * 1024)} MB.")
    return data
