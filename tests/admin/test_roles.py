"""Which operator may open what, and do what (M10): the table as it is meant, each cell tried by HTTP."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from accounts.access import OperatorRole
from tests.admin import desk
from tests.config.office import PAGES, place

pytestmark = pytest.mark.usefixtures("quiet_database")

ROLES = ("support", "finance", "operations", "auditor", "superuser")
READ = {
    #                                  sup fin ops aud all
    "accounts.Organization":          "y   y   y   y   y",
    "accounts.User":                  "y   y   y   y   y",
    "accounts.Membership":            "y   y   y   y   y",
    "accounts.ApiKey":                "y   n   y   y   y",
    "accounts.AuditEvent":            "y   y   y   y   y",
    "accounts.OutboxMessage":         "y   n   y   y   y",
    "accounts.Delivery":              "y   n   y   y   y",
    "accounts.WebhookEndpoint":       "y   n   y   y   y",
    "billing.Usage":                  "y   y   y   y   y",
    "billing.Entry":                  "y   y   y   y   y",
    "billing.Wallet":                 "y   y   y   y   y",
    "billing.Budget":                 "y   y   y   y   y",
    "billing.CreditRequest":          "y   y   y   y   y",
    "billing.Price":                  "y   y   y   y   y",
    "billing.Seal":                   "y   y   y   y   y",
    "generations.Generation":         "y   n   y   y   y",
    "generations.ApiRequest":         "y   n   y   y   y",
    "generations.Attempt":            "y   n   y   y   y",
    "generations.Contest":            "y   y   y   y   y",
    "generations.Output":             "y   n   y   y   y",
    "generations.Transition":         "y   n   y   y   y",
    "generations.IdempotencyRecord":  "y   n   y   y   y",
    "generations.Lane":               "y   n   y   y   y",
    "generations.Beat":               "y   y   y   y   y",
    "generations.Channel":            "y   y   y   y   y",
    "generations.ChannelModel":       "y   y   y   y   y",
    "generations.Model":              "y   y   y   y   y",
    "generations.ModelName":          "y   y   y   y   y",
    "generations.ModelSize":          "y   y   y   y   y",
    "generations.Dialect":            "y   y   y   y   y",
    "generations.DialectModel":       "y   y   y   y   y",
}  # fmt: skip
DO = {
    #                                                   sup fin ops aud all
    ("accounts.Organization", "suspend"):              "n   n   y   n   y",
    ("accounts.Organization", "restore"):              "n   n   y   n   y",
    ("accounts.Organization", "grant"):                "n   y   n   n   y",
    ("accounts.Organization", "adjust"):               "n   y   n   n   y",
    ("accounts.Organization", "unseal"):               "y   n   y   n   y",
    ("accounts.ApiKey", "suspend"):                    "y   n   y   n   y",
    ("accounts.ApiKey", "restore"):                    "y   n   y   n   y",
    ("accounts.ApiKey", "revoke"):                     "y   n   y   n   y",
    ("accounts.OutboxMessage", "redeliver"):           "y   n   y   n   y",
    ("accounts.Delivery", "redeliver"):                "y   n   y   n   y",
    ("accounts.WebhookEndpoint", "disable"):           "n   n   y   n   y",
    ("billing.Entry", "refund"):                       "n   y   n   n   y",
    ("billing.CreditRequest", "grant"):                "n   y   n   n   y",
    ("billing.CreditRequest", "decline"):              "n   y   n   n   y",
    ("billing.Price", "set"):                          "n   y   n   n   y",
    ("generations.Generation", "cancel"):              "n   n   y   n   y",
    ("generations.Generation", "refund"):              "n   n   n   n   y",
    ("generations.Generation", "replay"):              "n   n   y   n   y",
    ("generations.Generation", "unseal"):              "y   n   y   n   y",
    ("generations.Contest", "refund"):                 "n   y   n   n   y",
    ("generations.Contest", "keep"):                   "n   y   n   n   y",
    ("generations.Contest", "unseal"):                 "y   n   y   n   y",
    ("generations.Lane", "share"):                     "n   n   y   n   y",
    ("generations.Channel", "edit"):                   "n   n   y   n   y",
    ("generations.Channel", "add"):                    "n   n   y   n   y",
    ("generations.Channel", "heal"):                   "n   n   y   n   y",
    ("generations.ChannelModel", "edit"):              "n   n   y   n   y",
    ("generations.ChannelModel", "add"):               "n   n   y   n   y",
    ("generations.ChannelModel", "remove"):            "n   n   y   n   y",
    ("generations.Model", "edit"):                     "n   n   y   n   y",
    ("generations.ModelName", "edit"):                 "n   n   y   n   y",
    ("generations.ModelName", "add"):                  "n   n   y   n   y",
    ("generations.ModelName", "remove"):               "n   n   y   n   y",
    ("generations.ModelSize", "edit"):                 "n   n   y   n   y",
    ("generations.Dialect", "edit"):                   "n   n   y   n   y",
    ("generations.DialectModel", "edit"):              "n   n   y   n   y",
}  # fmt: skip
EXPORTS = "n   y   n   n   y"
NOBODYS = {"accounts.User": str(uuid4()), "generations.Model": "no-such-model"}


def cells(rows: dict[object, str]) -> list[object]:
    return [
        pytest.param(role, row, cell == "y", id=f"{role}: {row if isinstance(row, str) else ' '.join(row)}")  # type: ignore[call-overload]
        for row, written in rows.items()
        for role, cell in zip(ROLES, written.split(), strict=True)
    ]


@pytest.mark.parametrize("role, label, may", cells(READ))
def test_a_list_opens_to_whom_its_row_says(
    role: str, label: str, may: bool, operators: Callable[[str], Client]
) -> None:
    assert operators(role).get(place(label, "changelist")).status_code == (200 if may else 403)


@pytest.mark.parametrize("role, deed, may", cells(DO))
def test_a_deed_is_open_to_whom_its_row_says(
    role: str, deed: tuple[str, str], may: bool, operators: Callable[[str], Client]
) -> None:
    """Asked for rows that do not exist: who may is told so, who may not is not told even that."""
    label, name = deed
    bare = next(one for one in PAGES[label].deeds if one.name == name).bare
    chosen = {} if bare else {"of": NOBODYS.get(label, "0" if "generations" in label else str(uuid4()))}
    for method in ("get", "post"):
        data = (
            chosen if method == "get" else {"chosen": chosen.get("of", ""), "step": "do", "reason": desk.WHY}
        )
        answer = getattr(operators(role), method)(desk.place(label, name), data)
        expected = (200 if bare else 404) if may else 403
        assert answer.status_code == expected, method


def test_every_page_and_every_deed_has_its_row() -> None:
    assert set(PAGES) == set(READ)
    assert {(label, deed.name) for label, page in PAGES.items() for deed in page.deeds} == set(DO)


@pytest.mark.parametrize("role, may", [(r, c == "y") for r, c in zip(ROLES, EXPORTS.split(), strict=True)])
def test_files_are_for_those_who_may_export(role: str, may: bool, operators: Callable[[str], Client]) -> None:
    client = operators(role)
    link = reverse("admin:billing_entry_csv")
    assert (link in client.get(place("billing.Entry", "changelist")).content.decode()) is may
    if not may:
        assert client.get(link).status_code == 403


@pytest.mark.parametrize("role", ROLES)
def test_the_first_page_shows_what_the_role_may_read(role: str, operators: Callable[[str], Client]) -> None:
    page = operators(role).get("/admin/").content.decode()
    assert ("Queue now" in page) is (role != "finance")
    assert "Revenue" in page
    assert "Channels" in page


@pytest.mark.parametrize("role", OperatorRole)
def test_a_channel_is_tested_by_operations_only(
    role: OperatorRole, operators: Callable[[str], Client]
) -> None:
    answer = operators(role).post(reverse("admin:generations_channel_test", args=[0]))
    assert answer.status_code == (404 if role in ("operations", "superuser") else 403)
