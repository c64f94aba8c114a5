"""Where customers may have us send: judged when they say it, and again at every try."""

from __future__ import annotations

from accounts.egress import callback_policy
from accounts.errors import InvalidValue
from accounts.webhooks import inbox
from runtime import http
from runtime.egress import EgressRefused, Reason, parse

RULE = "an https URL of at most 2048 characters that leads to a public address, on port 443"


def host_of(url: str, *, field: str = "url") -> str:
    """The host of a receiver's URL, whose form is judged here and its name's addresses at every try.
    Raises InvalidValue naming the field."""
    if inbox.owner(url):
        return inbox.HOST
    policy = callback_policy()
    try:
        target = parse(url, policy)
    except EgressRefused:
        raise refused(field) from None
    if target.literal and not policy.permits(target.host, target.port):
        raise refused(field)
    return target.host


async def check(url: str, *, field: str = "callback_url") -> None:
    """The same for a door, with one look at where the name leads today; a name that nobody knows yet
    passes, since every try looks again. Raises InvalidValue naming the field."""
    if inbox.owner(url):
        return
    try:
        await http.judge(url, callback_policy())
    except EgressRefused as problem:
        if problem.reason is Reason.URL_NOT_ALLOWED:
            raise refused(field) from None


def refused(field: str) -> InvalidValue:
    """What a customer is told: the rule, and nothing of what we found."""
    return InvalidValue(field, f"{field} must be {RULE}.")
