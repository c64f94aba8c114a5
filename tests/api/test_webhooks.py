"""Webhooks over the API: made, changed, silenced, and every try to reach them."""

from __future__ import annotations

import pytest

from tests.api.conftest import MANAGE
from tests.api.office import Office
from tests.cast import Cast
from tests.flows.wire import Books, eventually

BODY = {"url": "https://hooks.invalid/easel", "events": ["generation.succeeded"], "description": "Shop"}


@pytest.fixture
def webhook(office: Office) -> dict[str, str]:
    made: dict[str, str] = office.do("POST", "webhooks", BODY, 201)
    return made


def test_a_secret_is_told_once_and_rotates(office: Office, webhook: dict[str, str]) -> None:
    assert webhook["secret"].startswith("whsec_")
    path = f"webhooks/{webhook['id']}"
    assert "secret" not in office.get(path)
    turned = office.do("POST", f"{path}/rotate", {"overlap_seconds": 60})
    assert turned["secret"] not in ("", webhook["secret"])
    assert turned["previous_secret_until"] is not None
    office.refused(400, "bad_request", "POST", f"{path}/rotate", json={"overlap_seconds": 8 * 86400})


def test_it_is_edited_silenced_and_removed(office: Office, webhook: dict[str, str]) -> None:
    path = f"webhooks/{webhook['id']}"
    changed = office.do("PATCH", path, {"events": ["balance.low", "key.revoked"]})
    assert changed["events"] == ["balance.low", "key.revoked"]
    assert office.do("POST", f"{path}/disable")["enabled"] is False
    office.refused(409, "conflict", "POST", f"{path}/ping", json={})
    assert office.do("POST", f"{path}/enable")["enabled"] is True
    office.do("DELETE", path, status=204)
    office.refused(404, "not_found", "GET", path)
    assert office.get("webhooks")["data"] == []


@pytest.mark.parametrize(
    "change, field",
    [
        ({"url": "http://hooks.invalid/"}, "url"), ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://[::1]/"}, "url"), ({"url": "https://user@hooks.invalid/"}, "url"),
        ({"url": 5}, "url"), ({"events": []}, "events"), ({"events": ["everything"]}, "events[0]"),
        ({"secret": "whsec_mine"}, "secret"), ({"enabled": False}, "enabled"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_with_a_webhook_is_said(
    office: Office, books: Books, change: dict[str, object], field: str
) -> None:
    answer = office.send("POST", "webhooks", json={**BODY, **change})
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["field"] == field
    assert books.count("accounts_webhookendpoint") == 0


def test_every_try_is_in_the_log_and_can_be_made_again(office: Office, webhook: dict[str, str]) -> None:
    office.do("POST", f"webhooks/{webhook['id']}/ping", status=204)

    def tried() -> dict[str, object]:
        (one,) = office.get("deliveries", webhook=webhook["id"])["data"]
        return one if one["tries"] else {}

    told = eventually(tried)
    assert (told["event"], told["endpoint_id"]) == ("endpoint.ping", webhook["id"])
    (first,) = told["tries"][:1]  # type: ignore[index]
    assert first["status"] is None
    assert first["error"]
    whole = office.get(f"deliveries/{told['id']}")
    assert "endpoint.ping" in whole["body"]
    assert whole["webhook_id"] == f"msg_{told['id']}"
    again = office.send("POST", f"deliveries/{told['id']}/redeliver", json={})
    assert again.status_code in (200, 409)  # it may be on its way at this very moment
    window = {"from": "2020-01-01", "to": "2099-01-01", "webhook_id": webhook["id"]}
    assert office.do("POST", "deliveries/redeliver", window)["count"] in (0, 1)


def test_a_range_ends_after_it_begins(office: Office, webhook: dict[str, str]) -> None:
    window = {"from": "2026-01-02", "to": "2026-01-01", "webhook_id": webhook["id"]}
    problem = office.refused(400, "bad_request", "POST", "deliveries/redeliver", json=window)
    assert problem["errors"][0]["field"] == "to"


def test_callbacks_are_signed_on_request(office: Office, cast: Cast, url: str) -> None:
    assert office.get("callback-secret")["signed"] is False
    office.refused(404, "not_found", "DELETE", "callback-secret")
    assert office.do("POST", "callback-secret")["secret"].startswith("whsec_")
    assert office.get("callback-secret")["signed"] is True
    assert Office(url, cast.key("test", scopes=MANAGE)).get("callback-secret")["signed"] is False
    office.do("DELETE", "callback-secret", status=204)
    assert office.get("callback-secret")["signed"] is False
