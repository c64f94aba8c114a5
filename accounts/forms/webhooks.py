"""What is asked about webhooks. What may be stored is judged by `accounts.actions.webhooks`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django import forms

from accounts.models import Event, WebhookEndpoint
from accounts.webhooks.addresses import RULE

OVERLAPS: Final = (
    ("0", "None: only the new secret signs"),
    ("3600", "1 hour"),
    ("86400", "24 hours"),
    ("604800", "7 days"),
)
_PLAIN: Final = {"autocomplete": "off", "spellcheck": "false"}
MINUTE: Final = "%Y-%m-%dT%H:%M"


class _Endpoint(forms.Form):
    """Where to, and what of."""

    url = forms.CharField(
        label="URL",
        max_length=2048,
        help_text=f"{RULE[0].upper()}{RULE[1:]}.",
        widget=forms.URLInput(attrs={**_PLAIN, "placeholder": "https://example.com/hooks/easel"}),
    )
    events = forms.MultipleChoiceField(
        choices=[(event.value, f"{event.label} · {event.value}") for event in Event],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one event."},
    )
    description = forms.CharField(
        max_length=200,
        required=False,
        help_text="What you call it in your own words.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def values(self) -> dict[str, Any]:
        """For `accounts.actions.webhooks.create` and `edit`."""
        return {name: self.cleaned_data[name] for name in ("url", "events", "description")}


class NewEndpointForm(_Endpoint):
    """A new endpoint. `once` lets the form make one, however often it is sent."""

    once = forms.CharField(widget=forms.HiddenInput, max_length=40)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        finals = (Event.GENERATION_SUCCEEDED, Event.GENERATION_FAILED, Event.GENERATION_CANCELLED)
        self.initial.setdefault("events", [event.value for event in finals])


class EditEndpointForm(_Endpoint):
    """What may be changed of an endpoint."""

    def __init__(self, data: Any = None, *, endpoint: WebhookEndpoint) -> None:
        present = {name: getattr(endpoint, name) for name in ("url", "events", "description")}
        super().__init__(data, initial=present)


class RotateSecretForm(forms.Form):
    """How long the old secret goes on signing beside the new one."""

    overlap = forms.ChoiceField(
        label="Both secrets sign for",
        choices=OVERLAPS,
        initial="86400",
        widget=forms.RadioSelect,
        help_text="Each message then carries two signatures: a receiver passes with either secret.",
    )
    once = forms.CharField(widget=forms.HiddenInput, max_length=40)

    @property
    def period(self) -> timedelta:
        return timedelta(seconds=int(self.cleaned_data["overlap"]))


class RemoveForm(forms.Form):
    """The end of an endpoint: its host typed as a sign that it is meant."""

    host = forms.CharField(max_length=255, widget=forms.TextInput(attrs=_PLAIN))

    def __init__(self, *args: Any, endpoint: WebhookEndpoint, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._host = endpoint.host
        self.fields["host"].label = f"Type {endpoint.host} to confirm"

    def clean_host(self) -> str:
        if self.cleaned_data["host"] != self._host:
            raise forms.ValidationError(f"Type the host as it stands there: {self._host}")
        return self._host


class LogForm(forms.Form):
    """Which deliveries are listed. In the address, so nothing of it is secret."""

    event = forms.CharField(max_length=40, required=False)
    state = forms.ChoiceField(
        choices=[("", "Any"), ("pending", "Pending"), ("delivered", "Delivered"), ("dead", "Gave up")],
        required=False,
    )
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))


class RangeForm(forms.Form):
    """What to send again: what happened in a range, missed or all of it."""

    since = forms.DateTimeField(
        label="Happened from",
        input_formats=[MINUTE],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MINUTE),
    )
    until = forms.DateTimeField(
        label="Up to",
        input_formats=[MINUTE],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MINUTE),
        help_text="Both in UTC.",
    )
    which = forms.ChoiceField(
        label="Send again",
        choices=[("missed", "What was not delivered"), ("all", "Everything, delivered or not")],
        widget=forms.RadioSelect,
        initial="missed",
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and not since < until:
            self.add_error("until", "The range must end after it begins.")
        return cleaned

    @property
    def ends(self) -> tuple[datetime, datetime]:
        since, until = self.cleaned_data["since"], self.cleaned_data["until"]
        return since.replace(tzinfo=UTC), until.replace(tzinfo=UTC)

    @property
    def missed(self) -> bool:
        return bool(self.cleaned_data["which"] == "missed")


class TesterForm(forms.Form):
    """A message as a receiver got it."""

    signer = forms.ChoiceField(label="Signed by")
    webhook_id = forms.CharField(
        label="webhook-id", max_length=200, widget=forms.TextInput(attrs={**_PLAIN, "placeholder": "msg_…"})
    )
    timestamp = forms.CharField(
        label="webhook-timestamp",
        max_length=20,
        widget=forms.TextInput(attrs={**_PLAIN, "inputmode": "numeric", "placeholder": "1795200000"}),
    )
    signature = forms.CharField(
        label="webhook-signature",
        max_length=1000,
        widget=forms.TextInput(attrs={**_PLAIN, "placeholder": "v1,…"}),
    )
    body = forms.CharField(
        max_length=200_000,
        strip=False,
        widget=forms.Textarea(attrs={"spellcheck": "false", "class": "mono"}),
        help_text="The raw bytes as they arrived, not parsed and written again.",
    )

    def __init__(self, *args: Any, signers: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["signer"].choices = [*signers]  # type: ignore[attr-defined]
