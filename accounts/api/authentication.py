"""Who calls: the bearer of a management key, or a member in the pages."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from accounts import directory, factors, limits
from accounts.access import KeyScope, ManagementScope
from accounts.admission import Caller, admit
from accounts.api.manager import Manager
from accounts.api.problems import CHALLENGE, Refused, of_auth
from accounts.auditing import Actor, ActorType
from accounts.errors import AuthError
from accounts.models import Membership, Mode, Organization, Role, User
from accounts.origin import where

READING = ("GET", "HEAD")
ORGANIZATION, MODE = "X-Easel-Organization", "X-Easel-Mode"


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer easel_...`. Counts the request against the key and its organization."""

    def authenticate(self, request: Request) -> tuple[Any, Manager] | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        try:
            manager = self._admit(request, _token(header))
        except AuthError as error:
            request._request.tried = error  # type: ignore[attr-defined]  # for the history
            raise of_auth(error) from error
        return AnonymousUser(), _known(request, manager)

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE["WWW-Authenticate"]

    def _admit(self, request: Request, token: str) -> Manager:
        reading = request.method in READING
        found = where(request._request)
        caller, allowance = admit(token, ip=found["ip"] or "", agent=found["agent"], door="", reading=reading)
        return Manager(
            organization=_organization(caller),
            mode=caller.mode,
            role=caller.role or Role.ADMIN,
            scopes=caller.scopes,
            actor=Actor(
                ActorType.KEY, str(caller.key_id), f"{caller.key_name} ({caller.key_prefix}…)", **found
            ),
            allowance=allowance,
            user=caller.member_id,
            key=caller.key_id,
        )


class SessionMember(SessionAuthentication):
    """A member who is logged in to the pages; CSRF is enforced. `X-Easel-Organization` names one of
    his organizations (id or short name) where he has several, `X-Easel-Mode` the mode."""

    def authenticate(self, request: Request) -> tuple[Any, Manager] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        user = found[0]
        membership = _chosen(request, user)
        organization = membership.organization
        if factors.missing(organization, user):
            raise Refused("forbidden", 403, "This organization asks for a second factor. Set one up first.")
        if organization.state == Organization.State.SUSPENDED and request.method not in READING:
            raise Refused("organization_suspended", 403, "This organization is suspended. Write to support.")
        manager = Manager(
            organization=organization,
            mode=_mode(request),
            role=membership.role,
            scopes=frozenset([*KeyScope, *ManagementScope]),
            actor=Actor.member(user, **where(request._request)),
            allowance=limits.count(
                organization=organization.pk,
                organization_limit=organization.requests_per_minute,
                key=user.pk,
                key_limit=None,
            ),
            user=user.pk,
        )
        return user, _known(request, manager)


def _known(request: Request, manager: Manager) -> Manager:
    """Leaves the manager where the history and the answer's headers find him."""
    request._request.manager = manager  # type: ignore[attr-defined]
    return manager


def _token(header: str) -> str:
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        message = "The Authorization header must read 'Bearer <API key>'."
        raise Refused("auth_invalid", 401, message, headers=CHALLENGE)
    return token.strip()


def _organization(caller: Caller) -> Organization:
    """As far as the key's row tells; whoever needs more reads it."""
    return Organization(
        id=caller.organization_id, slug=caller.organization_slug, name=caller.organization_name
    )


def _chosen(request: Request, user: User) -> Membership:
    memberships = directory.memberships_of(user)
    named = request.headers.get(ORGANIZATION, "")
    if not named and len(memberships) > 1:
        raise Refused("bad_request", 400, f"You belong to several organizations: name one in {ORGANIZATION}.")
    for membership in memberships:
        if not named or named in (membership.organization.slug, str(membership.organization_id)):
            return membership
    raise Refused("not_found", 404, "You belong to no such organization.")


def _mode(request: Request) -> str:
    mode = request.headers.get(MODE, Mode.LIVE)
    if mode not in Mode.values:
        raise Refused("bad_request", 400, f"{MODE} is live or test.")
    return mode
