"""What can be asked and who draws it: models, doors, sizes, channels."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.http import HttpRequest

from accounts.access import Permission
from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.columns import ago, column, count, link, listed, mono, plain, tag, words, yes
from accounts.admin.filters import doors
from generations.admin.filters import ModelFilter
from generations.models import Channel, ChannelModel, Dialect, DialectModel, Model, ModelName, ModelSize

HEALTH = {"healthy": "good", "misconfigured": "bad", "broken": "bad"}
model = link("Model", "generations_model", "model_id", lambda row: row.model.title)
pixels = column("Pixels", lambda row: f"{row.width} × {row.height}")


def _offered(row: Model) -> object:
    if not row.enabled:
        return tag("off", "bad")
    return tag("hidden", "warn") if row.hidden else tag("offered", "good")


class CatalogueAdmin(ReadOnlyAdmin):
    """Rows of the catalogue belong to nobody and are few."""

    permission, of_organization = Permission.PLATFORM_READ, ""


@admin.register(Model)
class ModelAdmin(CatalogueAdmin):
    heading, icon = "Models", "deployed_code"
    called = "title"
    ordering = ("position", "slug")
    offered = column("Offered", _offered)
    list_display = (
        plain("title", "Model"), mono("slug", "Name"), plain("family"), offered, plain("default_ratio"),
        plain("default_resolution"), count("max_input_images", "Input images"), plain("released"),
    )  # fmt: skip
    groups = (
        ("Model", (plain("title"), mono("slug", "Name"), plain("family"), offered, plain("description"))),
        ("Defaults", (plain("default_resolution"), plain("default_ratio"), plain("released"))),
        ("Limits", (
            count("max_input_images"), count("input_tokens_per_image"), count("input_token_limit"),
            count("output_token_limit"),
        )),
    )  # fmt: skip
    after_template = "admin/model.html"

    def detail(self, request: HttpRequest, row: Model) -> dict[str, object]:
        return {
            "names": row.names.order_by("dialect_id", "position"),
            "sizes": row.sizes.order_by("position"),
            "served_by": row.served_by.select_related("channel").defer("channel__credential"),
        }


@admin.register(Dialect)
class DialectAdmin(CatalogueAdmin):
    heading, icon = "Doors", "door_front"
    ordering = ("name",)
    list_display = (mono("name", "Door"), count("credits_per_dollar"))
    groups = (("Door", (mono("name"), count("credits_per_dollar"))),)


@admin.register(ModelName)
class ModelNameAdmin(CatalogueAdmin):
    heading, icon = "Model names", "label"
    joins, ordering = ("model",), ("dialect", "model", "position", "id")
    list_filter = (doors("dialect"), ModelFilter)
    list_display = (mono("name"), plain("dialect_id", "Door"), model, count("position"))
    groups = (("Name", (mono("name"), plain("dialect_id", "Door"), model, count("position"))),)


@admin.register(ModelSize)
class ModelSizeAdmin(CatalogueAdmin):
    heading, icon = "Sizes", "aspect_ratio"
    joins, ordering = ("model",), ("model", "position", "id")
    list_filter = (ModelFilter,)
    list_display = (
        column("Size", lambda row: f"{row.ratio} at {row.resolution}"), model, pixels,
        count("tokens", "Tokens per image"),
    )  # fmt: skip
    groups = (
        ("Size", (model, plain("ratio"), plain("resolution"), pixels, count("tokens", "Tokens per image"))),
    )


@admin.register(DialectModel)
class DialectModelAdmin(CatalogueAdmin):
    heading, icon = "Offers", "storefront"
    joins, ordering = ("model",), ("dialect", "model", "id")
    list_filter = (doors("dialect"), ModelFilter)
    list_display = (
        plain("dialect_id", "Door"), model, listed("resolutions"), count("max_count", "Images per request"),
        count("max_references", "References"), count("prompt_characters"),
    )  # fmt: skip
    groups = (
        ("Offer", (plain("dialect_id", "Door"), model, listed("ratios"), listed("resolutions"))),
        ("Limits", (
            count("max_count", "Images per request"), count("max_references", "References"),
            count("reference_bytes", "Bytes per reference"), count("prompt_characters"),
            plain("default_ratio"), plain("default_resolution"),
        )),
    )  # fmt: skip


@admin.register(Channel)
class ChannelAdmin(CatalogueAdmin):
    heading, icon = "Channels", "hub"
    called = "name"
    ordering = ("-priority", "name")
    secrets = ("credential",)
    state = column("State", lambda row: tag("on", "good") if row.enabled else tag("off", "calm"))
    credential = column("Credential", lambda row: "Set" if row.has_credential else "None", "is_set")
    list_display = (
        plain("name"), plain("provider"), state, words("health", HEALTH), count("priority"), count("weight"),
        count("concurrency"), ago("last_error_at", "Last error"),
    )  # fmt: skip
    groups = (
        ("Channel", (plain("name"), plain("provider"), mono("base_url"), credential, state)),
        ("Choice", (count("priority"), count("weight"), count("concurrency"), yes("from_environment"))),
        ("Health", (words("health", HEALTH), plain("last_error"), ago("last_error_at", "Last error"))),
    )

    def extras(self) -> dict[str, Any]:
        return {"has_credential": ExpressionWrapper(~Q(credential=""), output_field=BooleanField())}


@admin.register(ChannelModel)
class ChannelModelAdmin(CatalogueAdmin):
    heading, icon = "Served models", "cable"
    joins, secrets = ("model", "channel"), ("channel__credential",)
    ordering = ("channel", "model", "id")
    list_filter = (ModelFilter,)
    list_display = (plain("channel.name", "Channel"), model, mono("upstream_model"))
    groups = (
        ("Served model", (
            link("Channel", "generations_channel", "channel_id", lambda row: row.channel.name), model,
            mono("upstream_model"),
        )),
    )  # fmt: skip
