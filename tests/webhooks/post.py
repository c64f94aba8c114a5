"""What the tests of webhooks do with one organization: let things happen, dispatch, read the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from accounts.actions import keys, webhooks
from accounts.models import ApiKey, Event, OutboxMessage, WebhookEndpoint
from accounts.webhooks import emit
from accounts.webhooks.dispatcher import Dispatcher
from generations import notices
from generations.actions import finish
from generations.actions.claim import Claimed
from generations.actions.finish import Tried
from generations.actions.submit import Asked, Quote, submit
from generations.spec import Kind, Order
from runtime.egress import Policy
from runtime.tenancy import tenant
from tests.cast import BY, Cast
from tests.law.team import MODEL, pictures

DUE = "SELECT count(*) FROM accounts_outboxmessage WHERE state = 'pending' AND next_at <= clock_timestamp()"


@dataclass
class Post:
    """One organization's messages."""

    cast: Cast
    superuser: psycopg.Connection[Any]
    policy: Callable[[], Policy]

    @property
    def organization(self) -> UUID:
        identifier: UUID = self.cast.organization.pk
        return identifier

    # ---- what happens

    def endpoint(self, url: str, *events: str, mode: str = "live") -> tuple[WebhookEndpoint, str]:
        """A registered endpoint and its secret; without events it listens to a low balance."""
        return webhooks.create(
            organization=self.cast.organization,
            mode=mode,
            url=url,
            events=events or [Event.BALANCE_LOW],
            by=BY,
        )

    def happen(self, number: int = 0, mode: str = "live") -> None:
        """A low balance, told to whoever listens."""
        with tenant(self.organization):
            emit(self.organization, mode, Event.BALANCE_LOW, {"number": number})

    def generation(
        self,
        callback_url: str | None = None,
        *,
        end: str = "succeeded",
        prompt: str = "a fox",
        mode: str = "live",
    ) -> Claimed:
        """A final generation at the evolink door."""
        if mode == "live":
            self.cast.credit(1)
        key, _ = keys.create(organization=self.cast.organization, mode=mode, name="test", by=BY)
        lease = self.begin(key, callback_url, prompt)
        if end == "succeeded":
            assert finish.succeed(lease, pictures(lease), [], Tried())
        elif end == "failed":
            assert finish.fail(lease, Kind.CONTENT_BLOCKED, "")
        else:
            assert finish.cancel(lease.organization, lease.id)
        return lease

    def begin(self, key: ApiKey, callback_url: str | None, prompt: str) -> Claimed:
        asked = Asked(
            organization=self.organization, mode=key.mode, key=key.pk, member=None, dialect="evolink",
            wait=True, owner="test",
        )  # fmt: skip
        order = Order(model=MODEL, asked=MODEL, prompt=prompt, callback_url=callback_url)
        lease = submit(asked, order, Quote(image_tokens=1290, credits_per_dollar=68)).claimed
        assert lease is not None
        return lease

    # ---- sending

    def dispatcher(self, **more: Any) -> Dispatcher:
        return Dispatcher(more.get("render", notices.render), more.get("policy", self.policy))

    def dispatch(self, seconds: float = 30, **more: Any) -> None:
        """Send everything that is due, and record it."""

        async def go() -> None:
            one, until = self.dispatcher(**more), time.monotonic() + seconds
            while await asyncio.to_thread(self.due):
                assert time.monotonic() < until, "it is never done"
                await one.turn()
                await one.settled()
                await asyncio.sleep(0.01)

        asyncio.run(go())

    def due(self) -> int:
        row = self.superuser.execute(DUE).fetchone()
        assert row is not None
        return int(row[0])

    def hurry(self) -> None:
        """Let the time of every waiting message come."""
        self.superuser.execute(
            "UPDATE accounts_outboxmessage SET next_at = clock_timestamp() WHERE state = 'pending'"
        )

    def exhaust(self, most: int = 20) -> int:
        """Dispatch until nothing waits any more; how many rounds it took."""
        for rounds in range(1, most):
            self.hurry()
            self.dispatch()
            if not self.rows("accounts_outboxmessage", "state = 'pending'"):
                return rounds
        raise AssertionError("something still waits")

    # ---- the log

    def rows(self, table: str, where: str = "true", order: str = "id") -> list[dict[str, Any]]:
        query = f"SELECT * FROM {table} WHERE organization_id = %s AND {where} ORDER BY {order}"
        with self.superuser.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, (self.organization,)).fetchall()

    def messages(self) -> list[dict[str, Any]]:
        return self.rows("accounts_outboxmessage", order="created_at, id")

    def message(self) -> dict[str, Any]:
        """The only one there is."""
        (found,) = self.messages()
        return found

    def deliveries(self) -> list[dict[str, Any]]:
        return self.rows("accounts_delivery", order="started_at, number")

    def row(self, message: dict[str, Any]) -> OutboxMessage:
        with tenant(self.organization):
            return OutboxMessage.objects.of(self.organization).get(pk=message["id"])

    def fresh(self, endpoint: WebhookEndpoint) -> WebhookEndpoint:
        with tenant(self.organization):
            return WebhookEndpoint.objects.of(self.organization).get(pk=endpoint.pk)
