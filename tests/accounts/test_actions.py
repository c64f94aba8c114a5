"""The verbs of accounts, and the traces they leave."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts import auditing
from accounts.access import OperatorRole
from accounts.actions import keys, members, operators, organizations, users
from accounts.admission import authenticate
from accounts.auditing import Actor
from accounts.directory import organization_by_slug
from accounts.errors import AccountsProblem, Conflict, InvalidValue, NotAllowed, NotFound
from accounts.models import ApiKey, AuditEvent, Membership, Organization, Role, User
from runtime.ids import BASE36, word
from runtime.tenancy import operator, tenant

pytestmark = pytest.mark.usefixtures("database")
BY = Actor.system("test")


def somebody() -> User:
    return User.objects.create_user(f"{word(12, BASE36)}@example.com", word(20))


def events(organization: Organization, action: str) -> list[AuditEvent]:
    with operator():
        rows = AuditEvent.objects.across().filter(organization_id=organization.pk, action=action)
        return list(rows.order_by("id"))


def roles(organization: Organization) -> dict[UUID, str]:
    with tenant(organization):
        return dict(Membership.objects.of(organization).values_list("user_id", "role"))


# ---- organizations -------------------------------------------------------------------------------


def test_a_new_organization_has_its_owner_and_nothing_else() -> None:
    owner, slug = somebody(), word(12, BASE36)
    made = organizations.create(name="  Acme  ", slug=slug, owner=owner, by=BY)
    assert (made.name, made.state) == ("Acme", "active")
    assert roles(made) == {owner.pk: Role.OWNER}
    (event,) = events(made, "organization.create")
    assert event.after == {"name": "Acme", "slug": slug, "owner": owner.email}
    assert (event.actor_type, event.actor_label) == ("system", "test")


def test_a_taken_slug_is_refused_and_leaves_nothing(organization: Organization) -> None:
    with pytest.raises(Conflict, match="already"):
        organizations.create(name="Again", slug=organization.slug, owner=somebody(), by=BY)
    assert len(events(organization, "organization.create")) <= 1


@pytest.mark.parametrize("slug", ["", "Capitals", "-first", "a b", "ä", "x" * 61])
def test_a_bad_slug_is_refused(slug: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        organizations.create(name="Acme", slug=slug, owner=somebody(), by=BY)
    assert refused.value.field == "slug"


def test_suspending_and_restoring_are_traced_once_each(organization: Organization) -> None:
    for _ in range(2):
        assert organizations.suspend(organization=organization, reason="abuse", by=BY).state == "suspended"
    for _ in range(2):
        assert organizations.restore(organization=organization, reason="explained", by=BY).state == "active"
    (stopped,) = events(organization, "organization.suspend")
    assert (stopped.before, stopped.after, stopped.reason) == (
        {"state": "active"},
        {"state": "suspended"},
        "abuse",
    )
    (restored,) = events(organization, "organization.restore")
    assert restored.after == {"state": "active"}


def test_suspending_needs_a_reason(organization: Organization) -> None:
    with pytest.raises(InvalidValue):
        organizations.suspend(organization=organization, reason=" ", by=BY)


# ---- keys ----------------------------------------------------------------------------------------


def test_the_traces_of_a_key_hold_no_secret(organization: Organization) -> None:
    key, first = keys.create(
        organization=organization, mode="live", name="shop", by=BY, networks=("10.1.2.3/8",)
    )
    _, second = keys.rotate(key=key, grace=timedelta(hours=1), by=BY)
    keys.revoke(key=key, reason=f"found {second} in a log", by=BY)
    written = [*events(organization, "key.create"), *events(organization, "key.rotate")]
    written += events(organization, "key.revoke")
    assert len(written) == 3
    text = json.dumps([[e.before, e.after, e.reason, e.object_label] for e in written])
    assert first[21:33] not in text
    assert second[21:33] not in text
    assert key.public_id in text
    assert written[0].after["networks"] == ["10.0.0.0/8"]
    assert written[1].before == {"last_four": first[-4:]}
    assert written[1].after == {"last_four": second[-4:], "grace_seconds": 3600.0}


def test_editing_a_key_traces_only_what_changed(organization: Organization) -> None:
    key, _ = keys.create(organization=organization, mode="test", name="old", by=BY)
    edited = keys.edit(key=key, changes={"name": "new", "home_door": "openai", "concurrency": 3}, by=BY)
    assert (edited.name, edited.concurrency) == ("new", 3)
    (event,) = events(organization, "key.edit")
    assert event.before == {"name": "old", "concurrency": None}
    assert event.after == {"name": "new", "concurrency": 3}


@pytest.mark.parametrize(
    "field, value",
    [
        ("name", "  "),
        ("name", "x" * 121),
        ("home_door", "side"),
        ("scopes", ("images:everything",)),
        ("doors_allowed", ("openai", "side")),
        ("networks", ("10.0.0.0/33",)),
        ("networks", ("example.com",)),
        ("requests_per_minute", 0),
        ("concurrency", -1),
        ("expires_at", timezone.now() - timedelta(days=1)),
        ("digest", b"x" * 32),
        ("mode", "live"),
        ("organization_id", "other"),
    ],
)
def test_a_key_takes_no_bad_value_and_no_field_that_is_not_the_owners(
    organization: Organization, field: str, value: Any
) -> None:
    key, _ = keys.create(organization=organization, mode="test", name="a key", by=BY)
    with pytest.raises(InvalidValue) as refused:
        keys.edit(key=key, changes={field: value}, by=BY)
    assert refused.value.field == field


def test_a_revoked_key_is_over_for_good(organization: Organization) -> None:
    key, _ = keys.create(organization=organization, mode="test", name="a key", by=BY)
    keys.revoke(key=key, reason="", by=BY)
    keys.revoke(key=key, reason="again", by=BY)
    assert len(events(organization, "key.revoke")) == 1
    with pytest.raises(Conflict):
        keys.rotate(key=key, grace=timedelta(0), by=BY)
    with pytest.raises(Conflict):
        keys.edit(key=key, changes={"name": "new"}, by=BY)


@pytest.mark.parametrize("grace", [timedelta(seconds=-1), timedelta(days=7, seconds=1)])
def test_grace_is_at_most_seven_days(organization: Organization, grace: timedelta) -> None:
    key, _ = keys.create(organization=organization, mode="test", name="a key", by=BY)
    with pytest.raises(InvalidValue):
        keys.rotate(key=key, grace=grace, by=BY)


def test_a_key_of_another_organization_does_not_exist(
    organization: Organization, make_organization: Any
) -> None:
    key, plain = keys.create(organization=make_organization(), mode="test", name="theirs", by=BY)
    key.organization_id = organization.pk
    for verb in (
        lambda: keys.revoke(key=key, reason="", by=BY),
        lambda: keys.rotate(key=key, grace=timedelta(0), by=BY),
        lambda: keys.edit(key=key, changes={"name": "mine"}, by=BY),
    ):
        with pytest.raises(NotFound):
            verb()
    authenticate(plain, ip="", agent="", door="openai")


def test_a_personal_key_needs_a_member(organization: Organization, cast: Any) -> None:
    with pytest.raises(InvalidValue) as refused:
        keys.create(organization=organization, mode="test", name="a key", member=cast.stranger, by=BY)
    assert refused.value.field == "member"


# ---- members -------------------------------------------------------------------------------------


def test_a_member_is_added_promoted_and_removed_with_traces(organization: Organization) -> None:
    user = somebody()
    members.add(organization=organization, user=user, role=Role.VIEWER, by=BY)
    members.change_role(organization=organization, user=user, role=Role.ADMIN, by=BY)
    assert roles(organization)[user.pk] == Role.ADMIN
    members.remove(organization=organization, user=user, by=BY)
    assert user.pk not in roles(organization)
    (added,) = [e for e in events(organization, "member.add") if e.object_id == str(user.pk)]
    (promoted,) = events(organization, "member.change_role")
    (removed,) = events(organization, "member.remove")
    assert added.after == {"role": "viewer"}
    assert (promoted.before, promoted.after) == ({"role": "viewer"}, {"role": "admin"})
    assert (removed.before, removed.object_label) == ({"role": "admin"}, user.email)


def test_nobody_is_a_member_twice(organization: Organization, cast: Any) -> None:
    with pytest.raises(Conflict):
        members.add(organization=organization, user=cast.viewer, role=Role.VIEWER, by=BY)


def test_the_last_owner_can_neither_leave_nor_step_down(organization: Organization, cast: Any) -> None:
    by = Actor.member(cast.owner)
    with pytest.raises(Conflict, match="last owner"):
        members.remove(organization=organization, user=cast.owner, by=by)
    with pytest.raises(Conflict, match="last owner"):
        members.change_role(organization=organization, user=cast.owner, role=Role.ADMIN, by=by)
    members.change_role(organization=organization, user=cast.developer, role=Role.OWNER, by=by)
    members.remove(organization=organization, user=cast.owner, by=by)
    assert roles(organization)[cast.developer.pk] == Role.OWNER


def test_two_owners_cannot_both_leave_at_once(organization: Organization, cast: Any) -> None:
    members.change_role(organization=organization, user=cast.developer, role=Role.OWNER, by=BY)

    def leave(user: User) -> bool:
        try:
            members.remove(organization=organization, user=user, by=Actor.member(user))
        except Conflict:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as threads:
        left = list(threads.map(leave, [cast.owner, cast.developer]))
    assert sorted(left) == [False, True]
    assert list(roles(organization).values()).count(Role.OWNER) == 1


def test_an_admin_manages_members_but_not_owners(organization: Organization, cast: Any) -> None:
    admin = somebody()
    members.add(organization=organization, user=admin, role=Role.ADMIN, by=Actor.member(cast.owner))
    by = Actor.member(admin)
    members.change_role(organization=organization, user=cast.viewer, role=Role.ADMIN, by=by)
    attempts: list[Callable[[], object]] = [
        lambda: members.change_role(organization=organization, user=cast.owner, role=Role.VIEWER, by=by),
        lambda: members.remove(organization=organization, user=cast.owner, by=by),
        lambda: members.add(organization=organization, user=somebody(), role=Role.OWNER, by=by),
        lambda: members.change_role(organization=organization, user=admin, role=Role.OWNER, by=by),
    ]
    for attempt in attempts:
        with pytest.raises(NotAllowed):
            attempt()


def test_a_developer_manages_nobody_but_may_leave(organization: Organization, cast: Any) -> None:
    by = Actor.member(cast.developer)
    with pytest.raises(NotAllowed):
        members.change_role(organization=organization, user=cast.developer, role=Role.ADMIN, by=by)
    with pytest.raises(NotAllowed):
        members.remove(organization=organization, user=cast.viewer, by=by)
    members.remove(organization=organization, user=cast.developer, by=by)
    assert cast.developer.pk not in roles(organization)


def test_a_stranger_and_a_key_manage_nobody(organization: Organization, cast: Any) -> None:
    key, _ = keys.create(organization=organization, mode="test", name="a key", by=BY)
    for by in (Actor.member(cast.stranger), Actor.key(key)):
        with pytest.raises(NotAllowed):
            members.remove(organization=organization, user=cast.viewer, by=by)


def test_somebody_elses_member_is_not_found(organization: Organization, cast: Any) -> None:
    with pytest.raises(NotFound):
        members.remove(organization=organization, user=cast.stranger, by=BY)


# ---- the audit trail -----------------------------------------------------------------------------


def test_secrets_are_blacked_out_of_a_trace_whoever_forgot_them(organization: Organization) -> None:
    _, plain = keys.create(organization=organization, mode="test", name="a key", by=BY)
    with tenant(organization):
        auditing.record(
            by=BY,
            action="thing.change",
            after={"password": "hunter2", "nested": {"client_secret": "s"}, "list": [f"key {plain}"], "n": 1},
            organization_id=organization.pk,
        )
    (event,) = events(organization, "thing.change")
    assert event.after == {
        "password": "(hidden)",
        "nested": {"client_secret": "(hidden)"},
        "list": ["key (hidden)"],
        "n": 1,
    }


def test_a_trace_is_rolled_back_with_its_change(organization: Organization) -> None:
    key, _ = keys.create(organization=organization, mode="test", name="a key", by=BY)

    def revoke_and_fail() -> None:
        with tenant(organization):
            keys.revoke(key=key, reason="", by=BY)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        revoke_and_fail()
    assert events(organization, "key.revoke") == []
    with tenant(organization):
        assert ApiKey.objects.of(organization).get(pk=key.pk).revoked_at is None


# ---- operators and commands ----------------------------------------------------------------------


def said(command: str, *arguments: str) -> list[str]:
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue().strip().splitlines()


def test_an_operator_has_a_role_and_nobody_else_has() -> None:
    user, password = operators.create(email=f"{word(9, BASE36)}@Example.com", role="support", by=BY)
    assert password
    assert user.check_password(password)
    assert (user.is_staff, user.is_superuser) == (True, False)
    assert operators.role_of(user) == OperatorRole.SUPPORT
    assert operators.role_of(somebody()) is None
    with pytest.raises(Conflict):
        operators.create(email=user.email, role="operations", by=BY)
    with operator():
        (event,) = AuditEvent.objects.across().filter(action="operator.create", object_id=str(user.pk))
    assert (event.organization_id, event.after) == (None, {"role": "support"})


@pytest.mark.parametrize(
    "email, role, password",
    [
        ("nobody", "operations", ""),
        ("a@example.com", "owner", ""),
        ("b@example.com", "operations", "password"),
    ],
)
def test_a_bad_operator_is_refused_and_not_left_half_made(email: str, role: str, password: str) -> None:
    email = f"{word(6, BASE36)}{email}"
    with pytest.raises(InvalidValue):
        operators.create(email=email, role=role, password=password, by=BY)
    assert not User.objects.filter(email=email).exists()


def test_somebody_who_is_known_already_keeps_his_password() -> None:
    user = somebody()
    found, password = users.ensure(email=f" {user.email.upper()} ")
    assert (found.pk, password) == (user.pk, None)


def test_the_commands_lead_from_nothing_to_a_working_key() -> None:
    slug = word(12, BASE36)
    made = said("create_organization", slug, "--owner", f"{slug}@example.com", "--name", "Acme")
    assert "One-time password" in made[-1]
    assert organization_by_slug(slug).name == "Acme"
    printed = said("create_key", "--org", slug, "--mode", "live", "--name", "shop", "--door", "evolink")
    caller = authenticate(printed[-1], ip="", agent="", door="evolink")
    assert (caller.organization_slug, caller.mode, caller.home_door) == (slug, "live", "evolink")


@pytest.mark.parametrize(
    "command, arguments, sentence",
    [
        ("create_key", ["--org", "no-such-team", "--mode", "live"], "There is no organization no-such-team."),
        ("create_organization", ["Bad Slug", "--owner", "a@example.com"], "lower-case"),
        ("create_organization", ["fine-slug", "--owner", "nobody"], "not an e-mail address"),
        ("create_operator", ["nobody", "--role", "operations"], "not an e-mail address"),
    ],
)
def test_a_command_that_cannot_says_why_in_a_sentence(
    command: str, arguments: list[str], sentence: str
) -> None:
    with pytest.raises(CommandError) as refused:
        said(command, *arguments)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_refused_organization_leaves_no_user_behind(organization: Organization) -> None:
    email = f"{word(12, BASE36)}@example.com"
    with pytest.raises(CommandError, match="already"):
        said("create_organization", organization.slug, "--owner", email)
    assert not User.objects.filter(email=email).exists()


def test_all_problems_carry_a_sentence() -> None:
    assert str(InvalidValue("slug", "No.")) == AccountsProblem("No.").message
