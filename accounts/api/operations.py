"""One operation of the management API: who may do it, what it takes, what it answers. Said once, in
front of its handler: the description and the checks both come from here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers

from accounts.access import ManagementScope, Permission
from accounts.api.fields import Strict
from accounts.api.problems import MEDIA

Handler = TypeVar("Handler", bound=Callable[..., Any])
READ, WRITE = (ManagementScope.READ,), (ManagementScope.WRITE,)


class FieldProblem(serializers.Serializer[Any]):
    """One wrong field of a request."""

    field = serializers.CharField(help_text="Its path in the request, empty for the whole of it.")
    code = serializers.CharField(help_text="`unknown_parameter`, `required`, `invalid`, ...")
    message = serializers.CharField()
    line = serializers.IntegerField(required=False, help_text="The line of an uploaded file.")


class Problem(serializers.Serializer[Any]):
    """A refusal, as RFC 9457 has it."""

    type = serializers.URLField(help_text="Where this kind of problem is explained.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What happened, and what to do.")
    kind = serializers.CharField(help_text="The kind as a word, for programs.")
    request_id = serializers.CharField()
    errors = FieldProblem(many=True)  # type: ignore[assignment]  # the field of that name


class NoQuery(Strict):
    """Nothing may be said in the address."""


class NoBody(Strict):
    """Nothing may be said in the body."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What is checked before the handler runs. `scopes`: one of them must be carried; `permission`: the
    role must reach this far; `open`: nobody needs to say who he is."""

    scopes: tuple[str, ...]
    permission: Permission | None
    query: type[Strict]
    body: type[Strict] | None
    open: bool


REFUSALS = {
    400: "Something in the request is wrong: `errors` names each field.",
    401: "No API key, or one that is not valid (any more).",
    403: "The key's scopes or the member's role do not reach this far, or the organization is suspended.",
    404: "There is no such thing, or it is another organization's.",
    409: "The state of things is against it.",
    413: "The body is too large.",
    415: "The body is of another type.",
    429: "Too many requests: `Retry-After` says when to try again.",
}


def operation(
    *,
    id: str,
    summary: str,
    description: str,
    answer: Any = None,
    example: Any = None,
    status: int = 200,
    permission: Permission | None = None,
    scopes: Sequence[str] = READ,
    open: bool = False,
    query: type[Strict] = NoQuery,
    body: type[Strict] | None = None,
    sent: Any = None,
    refused: Sequence[int] = (),
    raw: Mapping[str, Any] | None = None,
    media: Sequence[str] = (),
    csv: bool = False,
) -> Callable[[Handler], Handler]:
    """Mark a view's method. `answer` is the serializer of its answer, `example` one such answer, `sent`
    an example of the body; `refused` the statuses it answers beside those all do; `raw` describes a
    body that is no JSON, by media type; `media` an answer that is none; `csv` says that `format=csv`
    answers a file."""
    told = Operation(tuple(scopes), permission, query, body, open)

    def mark(handler: Handler) -> Handler:
        handler.operation = told  # type: ignore[attr-defined]
        described = extend_schema(
            operation_id=id,
            summary=summary,
            description=description,
            parameters=[query] if query is not NoQuery else [],
            request=raw or (body if body and body is not NoBody else None),
            responses=_responses(answer, example, status, media, (*_usual(open), *refused)) | _file(csv),
            examples=_sent(sent),
            auth=[] if open else None,
        )
        return described(handler)

    return mark


def _usual(open: bool) -> tuple[int, ...]:
    return (400, 429) if open else (400, 401, 403, 429)


def _responses(
    answer: Any, example: Any, status: int, media: Sequence[str], refused: Sequence[int]
) -> dict[Any, Any]:
    examples = [] if example is None else [OpenApiExample("Example", value=example, response_only=True)]
    fine = OpenApiResponse(answer, description="Done.", examples=examples)
    found: dict[Any, Any] = {(status, each): fine for each in media or ("application/json",)}
    if status == 204:
        found = {status: fine}
    for code in sorted({*refused}):
        found[code, MEDIA] = OpenApiResponse(Problem, description=REFUSALS[code])
    return found


def _file(csv: bool) -> dict[Any, Any]:
    return {(200, "text/csv"): OpenApiResponse(str, description="A file.")} if csv else {}


def _sent(sent: Any) -> list[OpenApiExample]:
    return [] if sent is None else [OpenApiExample("Example", value=sent, request_only=True)]
