"""Channels: who draws, with which credentials, how it goes (M5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import BooleanField, Count, ExpressionWrapper, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts import auditing
from accounts.access import Permission
from accounts.admin.columns import ago, column, count, link, moment, mono, pairs, plain, tag, words, yes
from accounts.admin.deeds import Deed, Values
from accounts.admin.who import actor, may
from billing.admin.columns import unit_price
from generations import channels
from generations.actions import offering
from generations.admin.catalogue import CatalogueAdmin, model
from generations.admin.filters import CatalogueModelFilter
from generations.admin.offering import Add, Edit, Remove
from generations.models import Channel, ChannelModel
from runtime.signing import SecretUnreadable, decrypt, encrypt
from runtime.tenancy import operator

HEALTH = {"healthy": "good", "misconfigured": "bad", "broken": "bad"}
FIELDS = ("enabled", "weight", "priority", "concurrency", "base_url", "options")
OURS = ("enabled", "weight", "priority", "concurrency")
"""What may be changed of a channel that the environment made."""
SERVED = ("upstream_model", "input_cost", "text_cost", "image_cost")
SEALED = "sealed:"
NARROW = {
    "base_url": forms.TextInput(attrs={"class": "input"}),
    "options": forms.Textarea(attrs={"rows": 2, "class": "mono"}),
}


class SealedInput(forms.HiddenInput):
    """Between preview and deed a secret is in the page under our encryption only."""

    def format_value(self, value: Any) -> str | None:
        sealed = not value or str(value).startswith(SEALED)
        return value or None if sealed else f"{SEALED}{encrypt(value)}"


class SecretField(forms.CharField):
    """A secret that is typed once and never shown again."""

    hidden_widget = SealedInput

    def to_python(self, value: Any) -> str:
        typed = str(super().to_python(value))
        if not typed.startswith(SEALED):
            return typed
        try:
            return decrypt(typed.removeprefix(SEALED))
        except SecretUnreadable as error:
            raise forms.ValidationError("Type it once more.") from error


def _secret() -> SecretField:
    return SecretField(
        label="Credential",
        required=False,
        max_length=40_000,
        widget=forms.PasswordInput(attrs={"class": "input", "autocomplete": "new-password"}),
        help_text="Stored encrypted and never shown again. Empty: as it is.",
    )


class EditChannel(Edit):
    says = "Every process sees it within a second. Calls that run go on."

    def made_form(self, rows: Sequence[Any], data: Any = None) -> Any:
        self_made = not (rows and rows[0].from_environment)
        form = Edit(Channel, *(FIELDS if self_made else OURS), **NARROW).form_class()
        made = form(data, instance=rows[0] if rows else None)
        if self_made:
            made.fields["credential"] = _secret()
            made.order_fields([*FIELDS, "credential", "reason"])
        return made

    def effect(self, row: Any, values: Values) -> str:
        new = "; the credential is replaced" if values.get("credential") else ""
        return super().effect(row, values) + new if values else ""

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        changes = {name: values[name] for name in FIELDS if name in values}
        offering.edit(
            row=row,
            changes=changes,
            credential=values.get("credential", ""),
            reason=values["reason"],
            by=actor(request),
        )


class AddChannel(Add):
    says = "It serves no model until you add one, and nobody before you enable it."

    def made_form(self, rows: Sequence[Any], data: Any = None) -> Any:
        made = super().made_form(rows, data)
        made.fields["credential"] = _secret()
        made.order_fields([*self.fields, "credential", "reason"])
        if data is None:
            made.initial["enabled"] = False
        return made

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        made = Channel(**{name: values[name] for name in self.fields})
        secret = values.get("credential", "")
        offering.add(row=made, credential=secret, reason=values["reason"], by=actor(request))


class Heal(Deed):
    name, title, icon = "heal", "Mark healthy", "healing"
    permission = Permission.CATALOGUE_MANAGE
    many = False
    says = "It is called again, and its breakers are closed. Test it first."

    def problem(self, row: Any) -> str:
        return "it is well." if row.health == "healthy" and not row.resting else ""

    def effect(self, row: Any, values: Values) -> str:
        return f"{row.health.capitalize()}. {row.last_error}"[:300]

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        offering.heal(channel=row, reason=values["reason"], by=actor(request))

    def done(self, count: int) -> str:
        return "It is called again."


def _breaker(row: Any) -> Any:
    if row.resting:
        return tag(f"open for {row.resting} of {row.serving}", "bad")
    return tag("closed", "good") if row.serving else tag("serves nothing", "warn")


@admin.register(Channel)
class ChannelAdmin(CatalogueAdmin):
    heading, icon = "Channels", "hub"
    called = "name"
    ordering = ("-priority", "name")
    secrets = ("credential",)
    deeds = (
        EditChannel(Channel, *FIELDS, **NARROW),
        AddChannel("Add a channel", Channel, "name", "provider", *FIELDS, **NARROW),
        Heal(),
    )
    state = column("State", lambda row: tag("on", "good") if row.enabled else tag("off", "calm"))
    credential = column("Credential", lambda row: "Set" if row.has_credential else "None", "is_set")
    breaker = column("Breaker", _breaker)
    list_display = (
        plain("name"), plain("provider"), state, words("health", HEALTH), breaker, count("priority"),
        count("weight"), count("concurrency"), ago("last_error_at", "Last error"),
    )  # fmt: skip
    groups = (
        ("Channel", (
            plain("name"), plain("provider"), mono("base_url", "Base URL"), credential, state,
            column("Options", lambda row: pairs(row.options)),
        )),
        ("Choice", (count("priority"), count("weight"), count("concurrency"), yes("from_environment"))),
        ("Health", (
            words("health", HEALTH), breaker, plain("last_error"), ago("last_error_at", "When"),
        )),
    )  # fmt: skip
    before_template, after_template = "admin/channel_test.html", "admin/channel.html"

    def extras(self) -> dict[str, Any]:
        return {
            "has_credential": ExpressionWrapper(~Q(credential=""), output_field=BooleanField()),
            "serving": Count("serves"),
            "resting": Count("serves", filter=Q(serves__opened_at__isnull=False)),
        }

    def detail(self, request: HttpRequest, row: Channel) -> dict[str, Any]:
        tested = request.session.pop("tested", None)
        return {
            "may_test": may(request, Permission.CATALOGUE_MANAGE),
            "tested": tested["results"] if tested and tested["channel"] == row.pk else None,
            "served": [
                (one, tag("open", "bad") if one.opened_at else tag("closed", "good"), moment(one.probed_at))
                for one in row.serves.select_related("model").order_by("model__position")
            ],
            "serve_link": _serving_link(request, row),
        }

    def get_custom_urls(self) -> tuple[tuple[str, str, Any], ...]:
        return (*super().get_custom_urls(), ("<int:channel>/test/", "generations_channel_test", _test))


def _serving_link(request: HttpRequest, row: Channel) -> str:
    if not may(request, Permission.CATALOGUE_MANAGE):
        return ""
    return (
        f"{reverse('admin:generations_channelmodel_do', args=['add'])}?channel={row.pk}&back={request.path}"
    )


def _test(request: HttpRequest, model_admin: ChannelAdmin, channel: int) -> HttpResponse:
    """Ask the upstream about our key and each model. No order, no bill; noted as everything is."""
    if not may(request, Permission.CATALOGUE_MANAGE):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseRedirect(reverse("admin:generations_channel_change", args=[channel]))
    with operator():
        row = Channel.objects.filter(pk=channel).first()
    if row is None:
        raise Http404
    results = channels.probe(row)
    bad = [one for one in results if one.problem]
    _note(request, row, bad)
    request.session["tested"] = {
        "channel": row.pk,
        "results": [[one.model, one.upstream_model, one.problem] for one in results],
    }
    if bad:
        messages.warning(request, f"{row.name}: {len(bad)} of {len(results)} did not answer as they should.")
    else:
        messages.success(request, f"{row.name}: the key is good, and every model is known.")
    return HttpResponseRedirect(reverse("admin:generations_channel_change", args=[channel]))


def _note(request: HttpRequest, row: Channel, bad: list[channels.Probed]) -> None:
    auditing.record(
        by=actor(request),
        action="channel.test",
        object_type="channel",
        object_id=row.pk,
        object_label=row.name,
        after={"problems": {one.model: one.problem[:200] for one in bad}},
    )


class ServeModel(Add):
    says = "The channel may be asked for this model from now on."


def _price(name: str, title: str) -> Any:
    return unit_price(title, lambda row: getattr(row, name))


@admin.register(ChannelModel)
class ChannelModelAdmin(CatalogueAdmin):
    heading, icon = "Served models", "cable"
    joins, secrets = ("model", "channel"), ("channel__credential",)
    ordering = ("channel", "model", "id")
    list_filter = (CatalogueModelFilter,)
    deeds = (
        Edit(ChannelModel, *SERVED),
        ServeModel("Serve a model", ChannelModel, "channel", "model", *SERVED),
        Remove(),
    )
    breaker = column("Breaker", lambda row: tag("open", "bad") if row.opened_at else tag("closed", "good"))
    list_display = (plain("channel.name", "Channel"), model, mono("upstream_model"), breaker)
    groups = (
        ("Served model", (
            link("Channel", "generations_channel", "channel_id", lambda row: row.channel.name), model,
            mono("upstream_model"), breaker, ago("opened_at"),
        )),
        ("What it costs us", (
            _price("input_cost", "Input"), _price("text_cost", "Words"), _price("image_cost", "Pictures"),
        )),
    )  # fmt: skip
