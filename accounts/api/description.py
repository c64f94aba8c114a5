"""What drf-spectacular is told beside the operations themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.api.authentication.KeyAuthentication"
    name = "managementKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A key with the scope `manage:read` or `manage:write`. It makes no images.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.api.authentication.SessionMember"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        from django.conf import settings

        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "A member who is logged in to the pages, with a CSRF token for what writes.",
        }


def closed_objects(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A post-processing hook: objects have the members that are described, and no others; a text holds
    no NUL."""
    for name, component in result.get("components", {}).get("schemas", {}).items():
        if component.get("properties") is not None and name != "Problem":  # facts may go along
            component.setdefault("additionalProperties", False)
    for text in _texts(result):
        text.setdefault("pattern", NO_NUL)
    return result


NO_NUL = r"^[^\u0000]*$"


def _texts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every text of bounded length: none of them is stored with a NUL in it."""
    if isinstance(schema, dict):
        if schema.get("type") == "string" and "maxLength" in schema and not {"enum", "format"} & set(schema):
            yield schema
        for inner in schema.values():
            yield from _texts(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _texts(inner)
