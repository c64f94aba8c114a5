"""What is asked about people: their names, their roles, whom to invite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms

from accounts.access import rank
from accounts.models import Role

ROLE_WORDS: Final[Mapping[str, str]] = {
    Role.OWNER: "Everything, handing the team over included",
    Role.ADMIN: "People, keys, webhooks, settings and the audit log; not the money",
    Role.DEVELOPER: "Makes images, keys of their own and webhooks",
    Role.BILLING: "Usage, invoices and credit; no prompts, no images",
    Role.VIEWER: "Sees tasks, images and usage; changes nothing",
}


def role_field(mine: str, chosen: str) -> forms.ChoiceField:
    """The roles that somebody whose role is `mine` may give: none above it."""
    within = [role for role in Role if rank(role) <= rank(mine)]
    return forms.ChoiceField(
        label="Role",
        choices=[(role.value, f"{role.label}: {ROLE_WORDS[role]}") for role in within],
        initial=chosen,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": "Choose one of these roles. Nobody gives a role above his own."},
    )


class InviteForm(forms.Form):
    """Whom to invite, and as what."""

    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false", "autofocus": True}),
        help_text="Only this address can accept.",
    )

    def __init__(self, *args: Any, mine: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"] = role_field(mine, Role.DEVELOPER)


class RoleForm(forms.Form):
    """Another role for a member."""

    def __init__(self, *args: Any, mine: str, present: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"] = role_field(mine, present)


class ProfileForm(forms.Form):
    """What the others see."""

    name = forms.CharField(
        max_length=120,
        required=False,
        help_text="Your team sees it beside your address.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
