"""Stored scripts (A12): whatever people call themselves, their teams and their programs, it stays text."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils.html import escape

from accounts import auditing
from accounts.actions import invitations, keys, members, organizations, users
from accounts.auditing import Actor, ActorType
from accounts.models import Organization, Role, User
from runtime.tenancy import tenant
from tests.accounts.people import BY, PASSWORD, address, browser, link, log_in, of, said

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]
PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'\"><svg/onload=alert(1)>",
    "{{7*7}}{% debug %}",
    "</title><script>alert(1)</script>",
    "javascript:alert(1)//</textarea>",
]
PAGES = (
    "members",
    "invitations",
    "invite",
    "audit",
    "settings",
    "leave_team",
    "transfer_team",
    "require_two_factors",
)
ALIVE = ("<script>alert", "<img src=x", "<svg/onload", "49<debug")


def named(payload: str) -> tuple[Organization, User, User, str]:
    """A team, its owner, a member and an invitation, all called so, and a trace that says so."""
    owner, member = User.objects.create_user(address(), PASSWORD), User.objects.create_user(address())
    organization = organizations.found(name=payload, owner=owner, by=BY)
    members.add(organization=organization, user=member, role=Role.VIEWER, by=BY)
    users.rename(user=member, name=payload)
    keys.create(organization=organization, mode="live", name=payload, member=member, by=BY)
    by = Actor(ActorType.MEMBER, "1", payload, ip="203.0.113.1", agent=payload)
    with tenant(organization):
        auditing.record(
            by=by, action="key.edit", object_label=payload, reason=payload, before={payload: payload},
            after={"name": payload}, organization_id=organization.pk,
        )  # fmt: skip
    invited = address()
    invitations.create(organization=organization, email=invited, role="viewer", by=BY)
    return organization, owner, member, link(invited, "invitations/")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_is_text_on_every_page(payload: str) -> None:
    organization, owner, member, invitation = named(payload)
    client = browser()
    log_in(client, owner.email, HTTP_USER_AGENT=payload)
    paths = [of(name, organization) for name in PAGES]
    paths += [of(name, organization, user=member.pk) for name in ("member", "remove_member")]
    paths += ["/profile/", "/sessions/", "/teams/new/", "/2fa/", invitation]
    paths += [
        f"{of('audit', organization)}?{urlencode({field: payload})}"
        for field in ("about", "actor", "action", "since")
    ]
    paths.append(f"{of('members', organization)}?{urlencode({'search': payload})}")
    found = [said(client.get(path)) for path in paths]
    found.append(said(browser().post("/login/", {"username": payload, "password": payload})))
    for page in found:
        assert not [sign for sign in ALIVE if sign in page]
    assert sum(escape(payload) in page for page in found) > 8


def test_our_pages_bring_no_script_or_style_in_place(cast: Any) -> None:
    client = browser(cast.owner)
    paths = [of(name, cast.organization) for name in PAGES] + ["/profile/", "/sessions/", "/2fa/", "/email/"]
    for path in ["/login/", "/signup/", "/password/reset/"]:
        answer = browser().get(path)
        assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=", said(answer)), path
    for path in paths:
        answer = client.get(path)
        policy = answer["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<style|\sstyle=|<script(?![^>]*(\ssrc=|json))|\son[a-z]+=", said(answer)), path
