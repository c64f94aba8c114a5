"""Who may do what: the table, cell by cell."""

from __future__ import annotations

import pytest

from accounts.access import KeyScope, Permission, allowed, effective_scopes, rank

ROLES = (
    "owner",
    "admin",
    "developer",
    "billing",
    "viewer",
    "support",
    "finance",
    "operations",
    "auditor",
    "superuser",
)

# One letter per role, in the order above: y(es) or n(o).
EXPECTED = {
    Permission.USAGE_READ: "yyyyy yyyyy",
    Permission.GENERATION_READ: "yyyny ynyyy",
    Permission.IMAGE_READ: "yyyny nnnny",
    Permission.GENERATION_SUBMIT: "yyynn nnnny",
    Permission.GENERATION_CANCEL: "yyynn nnyny",
    Permission.KEY_READ: "yyynn ynyyy",
    Permission.KEY_MANAGE: "yynnn nnnny",
    Permission.KEY_MANAGE_OWN: "yyynn nnnny",
    Permission.KEY_REVOKE: "yynnn ynyny",
    Permission.ENDPOINT_MANAGE: "yyynn nnnny",
    Permission.ENDPOINT_DISABLE: "yyynn nnyny",
    Permission.MEMBER_MANAGE: "yynnn nnnny",
    Permission.CREDIT_MANAGE: "ynnyn nynny",
    Permission.REFUND_MAKE: "nnnnn nynny",
    Permission.EXPORT_MAKE: "yynnn nynny",
    Permission.EXPORT_BILLING: "yynyn nynny",
    Permission.AUDIT_READ: "yynnn yyyyy",
    Permission.ORGANIZATION_SUSPEND: "nnnnn nnyny",
    Permission.ORGANIZATION_TRANSFER: "ynnnn nnnny",
    Permission.ORGANIZATION_DELETE: "ynnnn nnnny",
    Permission.PLATFORM_READ: "nnnnn yyyyy",
    Permission.GLASS_BREAK: "nnnnn ynyny",
    Permission.GENERATION_REPLAY: "nnnnn nnyny",
    Permission.MESSAGE_REDELIVER: "yyynn ynyny",
    Permission.QUEUE_MANAGE: "nnnnn nnyny",
    Permission.CATALOGUE_MANAGE: "nnnnn nnyny",
    Permission.PRICE_SET: "nnnnn nynny",
}
CELLS = [
    (role, permission, letter == "y")
    for permission, letters in EXPECTED.items()
    for role, letter in zip(ROLES, letters.replace(" ", ""), strict=True)
]


@pytest.mark.parametrize("role, permission, expected", CELLS)
def test_a_role_may_do_what_the_table_says(role: str, permission: Permission, expected: bool) -> None:
    assert allowed(role, permission) is expected


def test_every_permission_is_in_the_table() -> None:
    assert set(EXPECTED) == set(Permission)


@pytest.mark.parametrize("permission", Permission)
def test_a_role_that_does_not_exist_may_do_nothing(permission: Permission) -> None:
    assert not allowed("", permission)
    assert not allowed("root", permission)


def test_owners_stand_above_admins_and_admins_above_the_rest() -> None:
    assert rank("owner") > rank("admin") > rank("developer") == rank("billing") == rank("viewer")


def test_a_key_without_scopes_has_them_all() -> None:
    assert effective_scopes([]) == frozenset(KeyScope)
    assert effective_scopes(["images:read"]) == {"images:read"}


@pytest.mark.parametrize(
    "role, expected",
    [
        ("owner", set(KeyScope)),
        ("developer", set(KeyScope)),
        ("viewer", {"images:read", "usage:read"}),
        ("billing", {"usage:read"}),
        ("", set()),
    ],
)
def test_a_personal_key_may_do_no_more_than_its_member(role: str, expected: set[str]) -> None:
    assert effective_scopes([], role) == expected
    assert effective_scopes(["images:create"], role) == expected & {"images:create"}
