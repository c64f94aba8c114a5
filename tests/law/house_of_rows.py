"""Two organizations with a row in every tenant table, and what the database says about those tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

import psycopg
from django.apps import apps

from accounts import limits
from accounts.actions import invitations, keys, members, webhooks
from accounts.models import ApiKey, Door, Event, Organization, OutboxMessage, Role, User
from accounts.webhooks import deliveries, inbox
from accounts.webhooks.claims import Claim
from billing import actions as billing
from billing.actions import credit
from billing.models import Folio, UsageHour
from generations import transcripts
from generations.actions import batches, contests, finish
from generations.actions.batches import Line
from generations.actions.finish import Tried
from generations.actions.submit import Asked, Quote, submit
from generations.models import ApiRequest, BatchItem, Generation, Input, Origin, Pulse, Step, Transcript
from generations.spec import Order
from runtime import ids
from runtime.clock import utc_now
from runtime.tenancy import tenant, work
from tests.cast import BY, IMAGE, give_credit, make_organization, make_user
from tests.law.team import MODEL, pictures

ORGANIZATION = "accounts_organization"
TABLES = sorted(
    model._meta.db_table
    for model in apps.get_models()
    if model._meta.db_table == ORGANIZATION or "organization_id" in {f.attname for f in model._meta.fields}
)


def column(table: str) -> str:
    """The column that says whose a row is."""
    return "id" if table == ORGANIZATION else "organization_id"


@dataclass(frozen=True)
class Household:
    """An organization that has done everything once."""

    id: UUID
    owner: User
    key: ApiKey
    generation: UUID
    message: OutboxMessage
    batch: UUID

    @classmethod
    def settle(cls) -> Self:
        owner = make_user("owner")
        organization = make_organization(owner)
        members.add(organization=organization, user=make_user("viewer"), role=Role.VIEWER, by=BY)
        invitations.create(organization=organization, email="friend@example.test", role=Role.VIEWER, by=BY)
        give_credit(organization, 10)
        billing.set_budget(organization=organization, period="day", limit=100 * IMAGE, by=BY)
        billing.set_alert(organization=organization, threshold=IMAGE, by=BY)
        credit.request(organization=organization, amount=IMAGE, note="", by=BY)
        key, _ = keys.create(organization=organization, mode="live", name="test", by=BY)
        billing.set_budget(organization=organization, period="total", limit=100 * IMAGE, by=BY, key=key.pk)
        limits.count(organization=organization.pk, organization_limit=None, key=key.pk, key_limit=9)
        _keep_a_picture(organization.pk, key)
        _come_to_something(organization.pk)
        _turn_the_page(organization.pk)
        _end_an_hour(organization.pk)
        _say(organization.pk)
        message = _deliver(organization)
        generation = _generate(organization.pk, key)
        _contest(organization, generation)
        return cls(organization.pk, owner, key, generation, message, _batch(organization, key, generation))


def _contest(organization: Organization, generation: UUID) -> None:
    """A report of its images."""
    with tenant(organization):
        delivered = Generation.objects.of(organization).get(pk=generation)
    contests.report(generation=delivered, reason="It is grey.", by=BY)


def _batch(organization: Organization, key: ApiKey, generation: UUID) -> UUID:
    """A file of one line, which became that generation."""
    line = Line(1, "fox", "", "", {"model": MODEL, "prompt": "a red fox"})
    batch = batches.create(organization=organization, mode="live", key=key.pk, lines=[line], by=BY)
    with tenant(organization):
        items = BatchItem.objects.of(organization).filter(batch=batch)
        items.update(state=BatchItem.State.SUBMITTED, generation_id=generation)
    batches.mark_fed(batch)
    return batch.pk


def _come_to_something(organization: UUID) -> None:
    """An hour of the operators' roll-up."""
    facts = {"model": MODEL, "dialect": "openai", "outcome": "succeeded"}
    sums = dict.fromkeys(("generations", "images", "tokens", "amount", "milliseconds"), 1)
    at = datetime(2001, 1, 1, tzinfo=UTC)
    with work():
        row = {"organization_id": organization, "step": Step.HOUR, "at": at, "mode": "live", **facts, **sums}
        Pulse.objects.create(**row)


def _end_an_hour(organization: UUID) -> None:
    """An hour of usage that is over."""
    facts = {"key_id": ids.uuid7(), "model": MODEL, "dialect": "openai", "outcome": "succeeded"}
    with work():
        UsageHour.objects.create(
            organization_id=organization, mode="live", hour=datetime(2001, 1, 1, tzinfo=UTC), **facts
        )


def _turn_the_page(organization: UUID) -> None:
    """A folio, as if there were enough entries for one."""
    sums = dict.fromkeys(("first_entry", "last_entry", "charges", "tokens", "charged", "carried"), 1)
    at = datetime(2001, 1, 1, tzinfo=UTC)
    with tenant(organization):
        Folio.objects.create(organization_id=organization, mode="test", earliest=at, latest=at, **sums)


def _say(organization: UUID) -> None:
    """What was said in a call."""
    said = Transcript(id=ids.uuid7(), organization_id=organization, mode="live", at=utc_now(), sent="a fox")
    transcripts.keep([said])


def _deliver(organization: Organization) -> OutboxMessage:
    """A message to an endpoint with a recorded try, a callback secret, something in the inbox."""
    url = "https://hooks.example.test/"
    webhooks.rotate_callback_secret(organization=organization, mode="live", by=BY)
    endpoint, _ = webhooks.create(
        organization=organization, mode="live", url=url, events=[Event.KEY_REVOKED], by=BY
    )
    message = webhooks.ping(endpoint=endpoint, by=BY)
    claim = Claim(organization.pk, message.pk, 0)
    parcel = deliveries.Parcel(claim, url, {}, b"{}", utc_now(), endpoint.pk, None)
    deliveries.record(parcel, deliveries.Result(200, b"", 0.1, ""))
    inbox.keep(organization.pk, "POST", {}, b"{}")
    return message


def _keep_a_picture(organization: UUID, key: ApiKey) -> None:
    """An upload."""
    with tenant(organization):
        Input.objects.create(
            organization_id=organization,
            mode="live",
            key=key,
            origin=Origin.UPLOAD,
            extension="png",
            mime="image/png",
            bytes=7,
            storage_key=f"live/20260101/{organization}/inputs/picture.png",
            expires_at=utc_now(),
        )


def _generate(organization: UUID, key: ApiKey) -> UUID:
    """A delivered generation with a callback, an idempotency key and a request."""
    asked = Asked(
        organization=organization,
        mode="live",
        key=key.pk,
        member=None,
        dialect=Door.OPENAI,
        idempotency_key="once",
        wait=True,
        owner="web",
        request=ApiRequest(
            at=utc_now(), request_id=ids.word(8), door="openai", method="POST", path="/v1", ip="192.0.2.1"
        ),
    )
    order = Order(
        model=MODEL, asked=MODEL, prompt="a red fox", callback_url="https://hooks.example.test/done"
    )
    lease = submit(asked, order, Quote(image_tokens=1290)).claimed
    assert lease is not None
    assert finish.succeed(lease, pictures(lease), [], Tried())
    return lease.id


@dataclass(frozen=True)
class Tie:
    """A foreign key as the catalogue of the database has it."""

    name: str
    table: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]


def ties(admin: psycopg.Connection) -> list[Tie]:
    """Every foreign key of a tenant table."""
    rows = admin.execute(
        """
        SELECT c.conname, c.conrelid::regclass::text,
               (SELECT array_agg(a.attname::text ORDER BY k.n)
                FROM unnest(c.conkey) WITH ORDINALITY k (num, n)
                JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num),
               c.confrelid::regclass::text,
               (SELECT array_agg(a.attname::text ORDER BY k.n)
                FROM unnest(c.confkey) WITH ORDINALITY k (num, n)
                JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.num)
        FROM pg_constraint c WHERE c.contype = 'f' AND c.conrelid::regclass::text = ANY (%s) ORDER BY 1
        """,
        (TABLES,),
    )
    return [Tie(name, table, tuple(own), target, tuple(other)) for name, table, own, target, other in rows]


def unique_sets(admin: psycopg.Connection) -> dict[tuple[str, tuple[str, ...]], bool]:
    """(table, columns) of every unique index of a tenant table, and whether it is the primary key."""
    rows = admin.execute(
        """
        SELECT i.indrelid::regclass::text, i.indisprimary,
               (SELECT array_agg(a.attname::text ORDER BY a.attname) FROM pg_attribute a
                WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey))
        FROM pg_index i WHERE i.indisunique AND i.indrelid::regclass::text = ANY (%s)
        """,
        (TABLES,),
    )
    return {(table, tuple(columns)): primary for table, primary, columns in rows}
