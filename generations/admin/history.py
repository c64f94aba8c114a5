"""The histories of the work: what providers did, what came out, how it moved, who called."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.access import Permission
from accounts.admin import glass
from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.columns import (
    ago,
    changes,
    column,
    count,
    figures,
    link,
    mode,
    mono,
    organization,
    plain,
    span,
    words,
    yes,
)
from accounts.admin.exporting import Field
from accounts.admin.filters import (
    AddressFilter,
    RangeFilter,
    RecentByGeneration,
    RecentById,
    choice,
    dates,
    doors,
    recent,
)
from accounts.admin.glass import sealed
from accounts.admin.names import named_key, named_organization
from accounts.admin.search import by_key, by_organization
from accounts.models import Mode
from billing.admin.columns import money
from generations import transcripts
from generations.admin import search
from generations.admin.columns import (
    OUTCOMES,
    STATES,
    generation,
    generation_name,
    kind,
    request_path,
    state_tag,
    status,
    thumbnail,
)
from generations.admin.filters import ChannelFilter, kinds
from generations.models import ApiRequest, Attempt, Channel, IdempotencyRecord, Output, Transition
from generations.models.generation import STATES as STATE_CHOICES

STATUSES = [
    (word, word) for word in ("200", "400", "401", "402", "404", "409", "422", "429", "500", "503", "504")
]
AMONG = (search.of_generation_within, by_organization)
HELP = "Generation or organization"


def _took(row: Attempt) -> str | None:
    return span((row.finished_at - row.started_at).total_seconds()) if row.finished_at else None


@admin.register(ApiRequest)
class ApiRequestAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Requests", "swap_vert", Permission.GENERATION_READ
    of_organization = "organization_id"
    finders = (search.by_request, search.of_generation, by_key, search.by_address, by_organization)
    search_help_text = "Request id, generation, key, address, organization"
    list_filter = (
        choice("status", STATUSES), RecentById, RangeFilter, AddressFilter,
        choice("mode", Mode.choices), doors("door"), kinds,
    )  # fmt: skip
    export = (
        Field("id", lambda row: row.pk), Field("at", lambda row: row.at),
        Field("request_id", lambda row: row.request_id),
        Field("organization", lambda row: row.organization_name), Field("mode", lambda row: row.mode),
        Field("key", lambda row: row.key_name), Field("door", lambda row: row.door),
        Field("method", lambda row: row.method), Field("path", lambda row: row.path),
        Field("status", lambda row: row.status), Field("kind", lambda row: row.kind),
        Field("generation", lambda row: row.generation_id), Field("replayed", lambda row: row.replayed),
        Field("milliseconds", lambda row: row.milliseconds), Field("bytes_in", lambda row: row.bytes_in),
        Field("bytes_out", lambda row: row.bytes_out), Field("address", lambda row: row.ip),
        Field("agent", lambda row: row.agent),
    )  # fmt: skip
    team = organization(name="organization_name")
    key = link("Key", "accounts_apikey", "key_id", lambda row: row.key_name or "a key")
    took = figures("Took", lambda row: None if row.milliseconds is None else f"{row.milliseconds:,} ms")
    list_display = (
        request_path, status, kind, team, plain("door"), mode(), generation, took, ago("at", "When"),
    )  # fmt: skip
    groups = (
        ("Request", (
            request_path, status, kind, plain("door"), mono("request_id", "Request id"), generation,
        )),
        ("Caller", (team, mode(), key, mono("ip", "Address"), plain("agent"))),
        ("Answer", (
            took, count("bytes_in", "Bytes in"), count("bytes_out", "Bytes out"), yes("replayed"),
            ago("at", "When"), mono("id", "Id"),
        )),
    )  # fmt: skip

    after_template = "admin/said.html"

    def extras(self) -> dict[str, Any]:
        return {"organization_name": named_organization(), "key_name": named_key()}

    def detail(self, request: HttpRequest, row: ApiRequest) -> dict[str, Any]:
        """What was said, for those who may see prompts of the organization whose call it was."""
        sees = row.organization_id is not None and glass.sees(request, row.organization_id)
        return {"sees": sees, "said": transcripts.of_any_call(row.pk) if sees else None}


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Attempts", "replay", Permission.GENERATION_READ
    joins, finders, search_help_text = ("organization",), AMONG, HELP
    keyset, ordering = "generation_id", ("-generation_id", "-number")
    list_filter = (
        choice("outcome", [(word, word.capitalize()) for word in OUTCOMES if word]),
        RecentByGeneration, dates("generation_id"), choice("mode", Mode.choices), ChannelFilter,
        choice("provider", Channel.Provider.choices), kinds,
    )  # fmt: skip
    outcome = words("outcome", OUTCOMES)
    engine = column("Provider", lambda row: " ".join(filter(None, (row.provider, row.channel))))
    list_display = (
        generation_name, count("number", "Attempt"), outcome, kind, organization(), engine,
        plain("upstream_model"), figures("Took", _took), count("images"), ago("started_at"),
    )  # fmt: skip
    groups = (
        ("Attempt", (generation, organization(), count("number"), outcome, kind, plain("detail"))),
        ("Provider", (
            plain("provider"), plain("channel"), mono("upstream_model"), mono("upstream_request_id"),
            money("Their cost", lambda row: row.provider_cost),
            changes("usage"), count("images"), count("surplus"),
        )),
        ("Times", (
            ago("started_at"), ago("upstream_at", "Called"), ago("finished_at"), column("Took", _took),
            mono("owner", "Process"), mono("id", "Id"),
        )),
    )  # fmt: skip


@admin.register(Output)
class OutputAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Images", "photo_library", Permission.GENERATION_READ
    joins, finders = ("organization",), (search.by_hash, *AMONG)
    search_help_text = "SHA-256, generation or organization"
    keyset, ordering = "generation_id", ("-generation_id", "-number")
    secrets = ("signature",)
    list_filter = (choice("mode", Mode.choices), RecentByGeneration, dates("generation_id"))
    small = sealed(column("Image", thumbnail))
    large = sealed(column("Image", lambda row: thumbnail(row, "large"), "large"))
    private = (small, large)
    pixels = column("Pixels", lambda row: f"{row.width} × {row.height}")
    list_display = (
        generation_name, small, count("number"), organization(), plain("mime", "Type"), pixels,
        count("bytes"), ago("created_at"), ago("deleted_at"),
    )  # fmt: skip
    groups = (
        ("Image", (large, generation, organization(), count("number"), mode())),
        ("File", (
            plain("mime", "Type"), pixels, count("bytes"), mono("sha256", "SHA-256"), mono("storage_key"),
            count("epoch", "Link epoch"), ago("created_at"), ago("expires_at", "Kept until"),
            ago("deleted_at"), mono("id", "Id"),
        )),
    )  # fmt: skip


@admin.register(Transition)
class TransitionAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Transitions", "timeline", Permission.GENERATION_READ
    joins, finders, search_help_text = ("organization",), AMONG, HELP
    list_filter = (
        choice("new_state", STATE_CHOICES, title="new state"),
        choice("mode", Mode.choices),
        recent("at"),
    )
    to = column("To", lambda row: state_tag(row.new_state, row.kind), "to_state")
    list_display = (
        generation_name, words("old_state", STATES, "From"), to, count("new_attempt", "Attempt"),
        organization(), ago("at", "When"),
    )  # fmt: skip
    groups = (
        ("Transition", (generation, organization(), words("old_state", STATES, "From"), to)),
        ("How", (
            count("old_attempt"), count("new_attempt"), count("ended_by", "Ended by attempt"), kind,
            ago("at", "When"), mono("id", "Id"),
        )),
    )  # fmt: skip


@admin.register(IdempotencyRecord)
class IdempotencyAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Idempotency", "fingerprint", Permission.GENERATION_READ
    joins, finders, search_help_text = ("organization",), AMONG, HELP
    secrets = ("fingerprint",)
    list_filter = (choice("mode", Mode.choices), recent("created_at", loose=False))
    list_display = (
        mono("key", "Idempotency key"),
        organization(),
        generation,
        mode(),
        ago("created_at"),
    )
    groups = (
        (
            "Record",
            (
                mono("key", "Idempotency key"),
                organization(),
                generation,
                mode(),
                ago("created_at"),
            ),
        ),
    )
