"""What every view of the management API does before and after its handler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import Permission, manages
from accounts.api.authentication import KeyAuthentication, SessionMember
from accounts.api.manager import Manager
from accounts.api.operations import NoBody, Operation
from accounts.api.parsing import StrictJSON
from accounts.api.problems import CHALLENGE, Refused
from accounts.limits import Allowance
from accounts.models import Organization

WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")


class AlwaysJSON(BaseContentNegotiation):
    """Whatever the client would like to accept: there is one form."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        mine = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type in (mine, "*/*")), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class ManagementView(APIView):
    """Checks in this order: method, who calls (401), how often (429), what he may (403), what he says
    (400). The handler finds `self.manager`, `self.query` and `self.body`."""

    authentication_classes: Sequence[type[BaseAuthentication]] = (KeyAuthentication, SessionMember)
    permission_classes = ()
    throttle_classes = ()
    renderer_classes = (JSONRenderer,)
    parser_classes: Any = (StrictJSON,)
    content_negotiation_class = AlwaysJSON
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    manager: Manager
    query: dict[str, Any]
    body: dict[str, Any]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        handler = getattr(self, str(request.method).lower(), None)
        if str(request.method).lower() not in self.http_method_names or handler is None:
            raise exceptions.MethodNotAllowed(str(request.method))
        operation: Operation = handler.operation
        super().initial(request, *args, **kwargs)
        if not operation.open:
            self.manager = _require_manager(request)
            _require_share(self.manager.allowance)
            _require_reach(self.manager, operation)
        self._read(request, operation)

    def _read(self, request: Request, operation: Operation) -> None:
        query = operation.query(data=dict(request.query_params.items()))
        query.is_valid(raise_exception=True)
        self.query = query.validated_data
        if operation.body is not None:
            body = operation.body(data=request.data)
            body.is_valid(raise_exception=True)
            self.body = body.validated_data

    def require(self, permission: Permission) -> None:
        """Ask for more than the operation as a whole needs. Raises Refused."""
        if not self.manager.may(permission):
            raise Refused("forbidden", 403, f"The role {self.manager.role} may not do this.")

    @property
    def organization(self) -> Organization:
        return self.manager.organization

    @property
    def mode(self) -> str:
        return self.manager.mode


def _require_manager(request: Request) -> Manager:
    if not isinstance(request.auth, Manager):
        message = "No API key was sent. Send a management key: 'Authorization: Bearer easel_...'."
        raise Refused("auth_missing", 401, message, headers=CHALLENGE)
    return request.auth


def _require_share(allowance: Allowance) -> None:
    if not allowance.allowed:
        raise too_many(allowance)


def too_many(allowance: Allowance) -> Refused:
    """429, with when to come back."""
    seconds = allowance.retry_after
    return Refused(
        "rate_limited",
        429,
        f"Rate limit exceeded: {allowance.limit} requests a minute. Try again in {seconds} seconds.",
        headers={"Retry-After": str(seconds)},
    )


def _require_reach(manager: Manager, operation: Operation) -> None:
    if not manager.scopes.intersection(operation.scopes):
        raise Refused("forbidden", 403, _lacking(manager, operation))
    if operation.permission is not None and not manager.may(operation.permission):
        raise Refused("forbidden", 403, f"The role {manager.role} may not do this.")


def _lacking(manager: Manager, operation: Operation) -> str:
    wanted = " or ".join(operation.scopes)
    if manages(operation.scopes) and not manages(manager.scopes):
        return f"This API key generates; it does not manage. Use a management key (scope {wanted})."
    return f"This API key does not carry the scope {wanted}."


def nothing() -> Response:
    """204."""
    return Response(status=204)


__all__ = ["ManagementView", "NoBody", "nothing", "too_many"]
