"""Where anybody who found a key can end it."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from accounts import limits
from accounts.actions import leaks
from accounts.api.operations import operation
from accounts.api.shapes import LeakBody, LeakShape
from accounts.api.views import ManagementView, too_many
from accounts.auditing import Actor, ActorType
from accounts.origin import where

PER_MINUTE = 20
NOWHERE = "::"
"""Whoever comes without an address, as through a socket of the machine."""
MESSAGE = "Thank you. If this was a working key of ours, it works no longer, and its owners have been told."


class LeakedKeysView(ManagementView):
    """Open to everybody: what it needs is the key itself."""

    authentication_classes = ()

    @operation(
        id="report_leaked_key",
        summary="Report a leaked key",
        description="Revokes the key within a second and tells the owners and admins of its organization. "
        "Needs nothing but the key, and answers the same whether or not there is such a key. Keys match "
        "`easel_(live|test)_[0-9A-Za-z]{48}`. At most 20 reports a minute from one address.",
        open=True,
        body=LeakBody,
        sent={"key": "easel_live_<48 letters and digits>", "found_at": "https://example.com/paste/1"},
        answer=LeakShape,
        example={"message": MESSAGE},
    )
    def post(self, request: Request) -> Response:
        found = where(request._request)
        allowance = limits.count_address(found["ip"] or NOWHERE, PER_MINUTE)
        if not allowance.allowed:
            raise too_many(allowance)
        finder = Actor(ActorType.SYSTEM, label="reported as leaked", **found)
        leaks.report(presented=self.body["key"].strip(), place=self.body["found_at"], by=finder)
        return Response({"message": MESSAGE})
