"""Who is let in: keys against the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts import keys as key_form
from accounts.actions import keys, members, organizations
from accounts.admission import Caller, admit, authenticate
from accounts.auditing import Actor
from accounts.errors import AuthError, AuthReason
from accounts.models import ApiKey, Organization, Role
from runtime.tenancy import possession, tenant

pytestmark = pytest.mark.usefixtures("database")
BY = Actor.system("test")


def make_key(organization: Organization, **fields: Any) -> tuple[ApiKey, str]:
    fields = {"mode": "test", "name": "a key", "by": BY, **fields}
    return keys.create(organization=organization, **fields)


def enter(plain: str, *, ip: str = "192.0.2.1", door: str = "openai", **more: Any) -> Caller:
    return authenticate(plain, ip=ip, agent="tester/1", door=door, **more)


def refusal(plain: str, **how: Any) -> AuthError:
    with pytest.raises(AuthError) as refused:
        enter(plain, **how)
    return refused.value


def stored(key: ApiKey) -> ApiKey:
    with tenant(key.organization_id):
        return ApiKey.objects.of(key.organization_id).get(pk=key.pk)


def change(key: ApiKey, **fields: Any) -> None:
    """Set what no verb may: the past."""
    with tenant(key.organization_id):
        assert ApiKey.objects.of(key.organization_id).filter(pk=key.pk).update(**fields) == 1


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL that is sent meanwhile."""
    sent: list[str] = []

    def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        sent.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield sent


def test_a_key_opens_its_organization(organization: Organization) -> None:
    key, plain = make_key(organization, mode="live", name="shop", home_door="evolink", concurrency=7)
    caller, allowance = admit(plain, ip="192.0.2.1", agent="tester/1", door="evolink")
    assert caller.key_id == key.pk
    assert caller.key_name == "shop"
    assert caller.key_prefix == plain[:21]
    assert (caller.organization_id, caller.organization_slug) == (organization.pk, organization.slug)
    assert (caller.mode, caller.home_door, caller.concurrency) == ("live", "evolink", 7)
    assert caller.member_id is None
    assert caller.may("images:create")
    assert caller.may_use("any-model")
    assert allowance.allowed
    assert allowance.remaining == allowance.limit - 1


def test_what_cannot_be_a_key_never_reaches_the_database(organization: Organization) -> None:
    _, plain = make_key(organization)
    with statements() as sent:
        assert refusal("").reason == AuthReason.MISSING
        assert refusal("sk-something").reason == AuthReason.INVALID
        assert refusal(plain[:-1] + ("a" if plain[-1] != "a" else "b")).reason == AuthReason.INVALID
    assert sent == []


def test_a_well_formed_key_that_nobody_has_is_refused_in_the_words_of_a_typo() -> None:
    unknown = refusal(key_form.mint("live").plain)
    assert unknown.reason == AuthReason.INVALID
    assert unknown.message == refusal("easel_live_typo").message


def test_the_database_holds_no_usable_key(organization: Organization) -> None:
    key, plain = make_key(organization)
    secret = plain[21:]
    with connection.cursor() as cursor, tenant(organization):
        cursor.execute("SELECT to_jsonb(k)::text FROM accounts_apikey k WHERE id = %s", [key.pk])
        key_row = cursor.fetchone()
        cursor.execute("SELECT string_agg(to_jsonb(e)::text, ' ') FROM accounts_auditevent e")
        audit_rows = cursor.fetchone()
    for text in (*key_row, *audit_rows):
        assert secret not in text
        assert secret[:12] not in text


def test_one_select_finds_the_key_and_its_organization(organization: Organization) -> None:
    _, plain = make_key(organization)
    enter(plain)
    with statements() as sent:
        enter(plain)
    reads = [sql for sql in sent if "FROM" in sql]
    assert len(reads) == 1
    assert not [sql for sql in sent if sql.startswith(("UPDATE", "INSERT"))]


def test_a_revoked_key_is_refused_on_the_next_request(organization: Organization) -> None:
    key, plain = make_key(organization)
    enter(plain)
    keys.revoke(key=key, reason="leaked", by=BY)
    refused = refusal(plain)
    assert refused.reason == AuthReason.REVOKED
    assert "leaked" not in refused.message


def test_a_refused_key_is_named_to_the_history(organization: Organization) -> None:
    key, plain = make_key(organization)
    keys.revoke(key=key, reason="", by=BY)
    refused = refusal(plain)
    assert (refused.key_id, refused.organization_id) == (key.pk, organization.pk)
    unknown = refusal(key_form.mint("live").plain)
    assert (unknown.key_id, unknown.organization_id) == (None, None)


def test_a_key_ends_at_its_expiry(organization: Organization) -> None:
    key, plain = make_key(organization, expires_at=timezone.now() + timedelta(hours=1))
    enter(plain)
    change(key, expires_at=timezone.now() - timedelta(seconds=1))
    assert refusal(plain).reason == AuthReason.EXPIRED


def test_after_a_rotation_both_secrets_work_and_then_only_the_new(organization: Organization) -> None:
    key, old = make_key(organization)
    rotated, new = keys.rotate(key=key, grace=timedelta(days=7), by=BY)
    assert rotated.pk == key.pk
    assert enter(old).key_id == enter(new).key_id == key.pk
    change(key, previous_expires_at=timezone.now() - timedelta(seconds=1))
    assert refusal(old).reason == AuthReason.EXPIRED
    assert enter(new).key_id == key.pk


def test_a_rotation_without_grace_ends_the_old_secret_at_once(organization: Organization) -> None:
    key, old = make_key(organization)
    _, new = keys.rotate(key=key, grace=timedelta(0), by=BY)
    assert refusal(old).reason == AuthReason.INVALID
    assert enter(new).key_id == key.pk


def test_one_sees_whether_the_old_secret_is_still_used(organization: Organization) -> None:
    key, old = make_key(organization)
    _, new = keys.rotate(key=key, grace=timedelta(hours=1), by=BY)
    enter(new)
    assert stored(key).previous_used_at is None
    enter(old, ip="198.51.100.9")
    seen = stored(key)
    assert seen.previous_used_at is not None
    assert (seen.previous_used_ip, seen.previous_used_agent) == ("198.51.100.9", "tester/1")


def test_the_old_secret_can_be_ended_sooner(organization: Organization) -> None:
    key, old = make_key(organization)
    _, new = keys.rotate(key=key, grace=timedelta(hours=1), by=BY)
    assert keys.end_grace(key=key, by=BY)
    assert not keys.end_grace(key=key, by=BY)
    assert refusal(old).reason == AuthReason.INVALID
    assert enter(new).key_id == key.pk


def test_revoking_ends_the_secret_in_grace_too(organization: Organization) -> None:
    key, old = make_key(organization)
    _, new = keys.rotate(key=key, grace=timedelta(hours=1), by=BY)
    keys.revoke(key=key, reason="", by=BY)
    assert {refusal(old).reason, refusal(new).reason} == {AuthReason.REVOKED}


def test_a_suspended_organization_may_read_but_not_work(organization: Organization) -> None:
    key, plain = make_key(organization)
    organizations.suspend(organization=organization, reason="unpaid", by=BY)
    refused = refusal(plain)
    assert refused.reason == AuthReason.ORGANIZATION_SUSPENDED
    assert "unpaid" not in refused.message
    assert enter(plain, reading=True).key_id == key.pk
    organizations.restore(organization=organization, by=BY)
    assert enter(plain).key_id == key.pk


@pytest.mark.parametrize(
    "ip, let_in",
    [
        ("198.51.100.7", True),
        ("198.51.101.7", False),
        ("203.0.113.9", True),
        ("203.0.113.10", False),
        ("2001:db8::5", True),
        ("2001:db9::5", False),
        ("::ffff:198.51.100.7", True),
        ("::ffff:192.0.2.1", False),
        ("", False),
        ("not an address", False),
    ],
)
def test_a_key_with_networks_works_only_from_them(organization: Organization, ip: str, let_in: bool) -> None:
    _, plain = make_key(organization, networks=("198.51.100.0/24", "203.0.113.9", "2001:db8::/32"))
    if let_in:
        enter(plain, ip=ip)
    else:
        assert refusal(plain, ip=ip).reason == AuthReason.IP_NOT_ALLOWED


def test_a_key_with_doors_opens_only_them(organization: Organization) -> None:
    _, plain = make_key(organization, doors_allowed=("evolink", "gmi"))
    enter(plain, door="evolink")
    enter(plain, door="")
    refused = refusal(plain, door="openai")
    assert refused.reason == AuthReason.DOOR_NOT_ALLOWED
    assert "evolink, gmi" in refused.message


def test_a_key_may_be_limited_to_scopes_and_models(organization: Organization) -> None:
    _, plain = make_key(organization, scopes=("images:read",), models_allowed=("gemini-2.5-flash-image",))
    caller = enter(plain)
    assert caller.may("images:read")
    assert not caller.may("images:create")
    assert caller.may_use("gemini-2.5-flash-image")
    assert not caller.may_use("gemini-3-pro-image")


def test_a_personal_key_dies_with_the_membership_and_the_organizations_keys_do_not(
    organization: Organization, cast: Any
) -> None:
    _, personal = make_key(organization, member=cast.developer)
    _, service = make_key(organization, created_by=cast.developer)
    assert enter(personal).member_id == cast.developer.pk
    members.remove(organization=organization, user=cast.developer, by=BY)
    assert refusal(personal).reason == AuthReason.REVOKED
    enter(service)


def test_a_personal_key_does_not_come_back_with_the_member(organization: Organization, cast: Any) -> None:
    _, personal = make_key(organization, member=cast.developer)
    members.remove(organization=organization, user=cast.developer, by=BY)
    members.add(organization=organization, user=cast.developer, role=Role.DEVELOPER, by=BY)
    assert refusal(personal).reason == AuthReason.REVOKED


def test_a_personal_key_of_a_deactivated_person_is_refused(organization: Organization, cast: Any) -> None:
    _, personal = make_key(organization, member=cast.developer)
    cast.developer.is_active = False
    cast.developer.save(update_fields=["is_active"])
    assert refusal(personal).reason == AuthReason.REVOKED


def test_a_personal_key_follows_its_members_role(organization: Organization, cast: Any) -> None:
    _, personal = make_key(organization, member=cast.developer)
    assert enter(personal).may("images:create")
    members.change_role(organization=organization, user=cast.developer, role=Role.VIEWER, by=BY)
    caller = enter(personal)
    assert not caller.may("images:create")
    assert caller.may("images:read")


def test_last_use_is_noted_with_address_and_agent(organization: Organization) -> None:
    key, plain = make_key(organization)
    assert stored(key).last_used_at is None
    authenticate(plain, ip="2001:db8::1", agent="curl/8\x00" + "x" * 300, door="openai")
    used = stored(key)
    assert used.last_used_at is not None
    assert used.last_used_ip == "2001:db8::1"
    assert used.last_used_agent == "curl/8" + "x" * 194


def test_last_use_is_noted_at_most_once_a_minute(organization: Organization) -> None:
    key, plain = make_key(organization)
    enter(plain, ip="192.0.2.1")
    enter(plain, ip="192.0.2.2")
    assert stored(key).last_used_ip == "192.0.2.1"
    change(key, last_used_at=timezone.now() - timedelta(seconds=61))
    enter(plain, ip="192.0.2.2")
    assert stored(key).last_used_ip == "192.0.2.2"


def test_a_refused_key_is_not_noted_as_used(organization: Organization) -> None:
    key, plain = make_key(organization, networks=("198.51.100.0/24",))
    refusal(plain)
    assert stored(key).last_used_at is None


def test_peppers_rotate_while_keys_go_on_working(organization: Organization, settings: Any) -> None:
    key, plain = make_key(organization)
    listed = settings.EASEL.key_peppers
    newer = b"a pepper that is newer than others"
    settings.EASEL = replace(settings.EASEL, key_peppers=(newer, *listed))
    assert enter(plain).key_id == key.pk
    renewed = stored(key)
    assert renewed.pepper != key.pepper
    settings.EASEL = replace(settings.EASEL, key_peppers=(newer,))
    assert enter(plain).key_id == key.pk


def test_a_key_whose_pepper_was_dropped_is_invalid(organization: Organization, settings: Any) -> None:
    _, plain = make_key(organization)
    settings.EASEL = replace(settings.EASEL, key_peppers=(b"quite another pepper, and only that",))
    assert refusal(plain).reason == AuthReason.INVALID


def test_possession_of_one_key_shows_no_other(organization: Organization) -> None:
    _, plain = make_key(organization)
    make_key(organization)
    digest, _ = key_form.digests(plain)[0]
    with possession(key_digest=digest):
        assert ApiKey.objects.across().count() == 1
        assert Organization.objects.count() == 1
    with possession(key_digest=b"\0" * 32):
        assert ApiKey.objects.across().count() == 0
        assert Organization.objects.count() == 0
