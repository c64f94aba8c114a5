"""What can be asked: models, their names and limits at each door, their sizes (M4)."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from accounts.access import Permission
from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.columns import column, count, link, listed, mono, plain, tag
from accounts.admin.filters import doors
from billing.admin.ledger import prices_of
from generations.admin.filters import CatalogueModelFilter
from generations.admin.offering import Add, Edit, Remove
from generations.models import Dialect, DialectModel, Model, ModelName, ModelSize

EDITED = (
    "title", "description", "enabled", "hidden", "default_ratio", "default_resolution", "max_input_images",
    "position",
)  # fmt: skip
LIMITS = (
    "ratios", "resolutions", "default_ratio", "default_resolution", "max_count", "max_references",
    "reference_bytes", "prompt_characters",
)  # fmt: skip
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
    deeds = (Edit(Model, *EDITED, description=forms.Textarea(attrs={"rows": 3})),)
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
            "prices": prices_of(row.slug),
            "served_by": row.served_by.select_related("channel").defer("channel__credential"),
        }


@admin.register(Dialect)
class DialectAdmin(CatalogueAdmin):
    heading, icon = "Doors", "door_front"
    ordering = ("name",)
    deeds = (Edit(Dialect, "credits_per_dollar"),)
    list_display = (mono("name", "Door"), count("credits_per_dollar"))
    groups = (("Door", (mono("name"), count("credits_per_dollar"))),)


@admin.register(ModelName)
class ModelNameAdmin(CatalogueAdmin):
    heading, icon = "Model names", "label"
    joins, ordering = ("model",), ("dialect", "model", "position", "id")
    deeds = (Edit(ModelName, "position"), Add("Add a name", ModelName, "dialect", "name", "model"), Remove())
    list_filter = (doors("dialect"), CatalogueModelFilter)
    list_display = (mono("name"), plain("dialect_id", "Door"), model, count("position"))
    groups = (("Name", (mono("name"), plain("dialect_id", "Door"), model, count("position"))),)


@admin.register(ModelSize)
class ModelSizeAdmin(CatalogueAdmin):
    heading, icon = "Sizes", "aspect_ratio"
    joins, ordering = ("model",), ("model", "position", "id")
    deeds = (Edit(ModelSize, "width", "height", "tokens"),)
    list_filter = (CatalogueModelFilter,)
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
    deeds = (Edit(DialectModel, *LIMITS),)
    list_filter = (doors("dialect"), CatalogueModelFilter)
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
