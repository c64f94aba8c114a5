"""Who may do what: the rows of the design's table of roles, as they were written, against the code's."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from accounts.access import Permission, allowed
from accounts.models import Role

ROOT = Path(__file__).resolve().parents[2]
ROLES = ("owner", "admin", "developer", "billing", "viewer", "support", "finance", "operations")
P = Permission

# Operators see no prompts and images by their role: that takes a reason each time ("break-glass"), and
# is no cell of this table.
TABLE = {
    #                                                     own adm dev bil vie   sup fin ops
    "read generations": (P.GENERATION_READ,              "y   y   y   n   y     y   n   y"),
    "read usage": (P.USAGE_READ,                         "y   y   y   y   y     y   y   y"),
    "prompts and images": (P.IMAGE_READ,                 "y   y   y   n   y     n   n   n"),
    "submit": (P.GENERATION_SUBMIT,                      "y   y   y   n   n     n   n   n"),
    "cancel": (P.GENERATION_CANCEL,                      "y   y   y   n   n     n   n   y"),
    "keys of everybody": (P.KEY_MANAGE,                  "y   y   n   n   n     n   n   n"),
    "own keys": (P.KEY_MANAGE_OWN,                       "y   y   y   n   n     n   n   n"),
    "revoke a key": (P.KEY_REVOKE,                       "y   y   n   n   n     y   n   y"),
    "callback endpoints": (P.ENDPOINT_MANAGE,            "y   y   y   n   n     n   n   n"),
    "disable an endpoint": (P.ENDPOINT_DISABLE,          "y   y   y   n   n     n   n   y"),
    "members and roles": (P.MEMBER_MANAGE,               "y   y   n   n   n     n   n   n"),
    "top-up and invoices": (P.CREDIT_MANAGE,             "y   n   n   y   n     n   y   n"),
    "refunds and adjustments": (P.REFUND_MAKE,           "n   n   n   n   n     n   y   n"),
    "export of generations": (P.EXPORT_MAKE,             "y   y   n   n   n     n   y   n"),
    "export of billing": (P.EXPORT_BILLING,              "y   y   n   y   n     n   y   n"),
    "audit log": (P.AUDIT_READ,                          "y   y   n   n   n     y   y   y"),
    "transfer the team": (P.ORGANIZATION_TRANSFER,       "y   n   n   n   n     n   n   n"),
    "delete the team": (P.ORGANIZATION_DELETE,           "y   n   n   n   n     n   n   n"),
}  # fmt: skip
BEYOND = {
    P.KEY_READ: "who may see that keys exist, in the pages of issue 1",
    P.ORGANIZATION_SUSPEND: "an operators' verb (M2)",
    P.PLATFORM_READ: "the operators' pages that belong to no team",
    P.GLASS_BREAK: "the break-glass of that table's comments, with a reason each time (A35)",
    P.GENERATION_REPLAY: "an operators' verb: the platform pays (M6)",
    P.MESSAGE_REDELIVER: "whoever helps a team may have its messages sent again (M6)",
    P.QUEUE_MANAGE: "shares and caps of the queue (M12)",
    P.CATALOGUE_MANAGE: "models and channels (M4, M5)",
    P.PRICE_SET: "prices are money, and finance's (M4)",
}
CELLS = [
    pytest.param(role, permission, cell == "y", id=f"{role}: {row}")
    for row, (permission, cells) in TABLE.items()
    for role, cell in zip(ROLES, cells.split(), strict=True)
]


@pytest.mark.parametrize("role, permission, may", CELLS)
def test_a_role_may_what_its_row_says(role: str, permission: Permission, may: bool) -> None:
    assert allowed(role, permission) is may


def test_every_permission_has_its_row() -> None:
    assert {permission for permission, _ in TABLE.values()} | set(BEYOND) == set(Permission)


def test_every_role_of_a_team_has_its_column() -> None:
    assert set(Role.values) <= set(ROLES)


@pytest.mark.parametrize("permission", Permission)
def test_whoever_has_no_role_may_nothing(permission: Permission) -> None:
    assert not any(allowed(nobody, permission) for nobody in ("", "root", "staff", "Owner", "owner "))


# ---- one table, one function ----

COMPARES_ROLES = {
    "accounts/actions/members.py": "the last owner stays, whatever his permissions are",
}


def test_only_the_table_knows_what_a_role_means() -> None:
    """Elsewhere nobody asks `role == ...`: he asks `allowed(role, permission)`."""
    asking = {
        path.relative_to(ROOT).as_posix()
        for room in ("accounts", "billing", "generations", "platform")
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare) and _about_roles([node.left, *node.comparators])
    }
    assert asking - {"accounts/access.py"} == set(COMPARES_ROLES)


def _about_roles(sides: list[ast.expr]) -> bool:
    names = {ast.unparse(side) for side in sides}
    return any(name.startswith(("Role.", "OperatorRole.")) or name.strip("'") in ROLES for name in names)
