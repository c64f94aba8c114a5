"""Every page there is, from the URL table: with real things in the holes of its addresses, or with the reason
why nobody looks at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote

from accounts.actions import keys, webhooks
from accounts.models import Event, Invitation, Organization
from accounts.webhooks import deliveries, inbox
from accounts.webhooks.claims import Claim
from billing import actions as billing
from billing import seals
from billing.actions import credit
from billing.models import CreditRequest
from config.docs.shelf import PAGES, VENDORS
from generations import wakeups
from generations.actions import contests
from generations.models import ApiRequest, Beat, Channel, Generation
from runtime import ids
from runtime.clock import utc_now
from runtime.tenancy import operator, tenant
from tests.browser.studio import Studio
from tests.cast import BY, IMAGE
from tests.flows.wire import EVOLINK, eventually
from tests.law.addresses import Address, addresses

EXEMPT: Mapping[str, str] = {
    "admin/seal/": "seals what was unsealed, and goes back",
    "o/<slug:team>/playground/<uuid:generation>/events/": "a stream of events",
    "o/<slug:team>/tasks/<uuid:generation>/pictures/<int:number>/": "a picture",
    "billing": "leads to the team's own billing page",
    "billing/": "leads to the team's own billing page",
    "^confirm-email/(?P<key>[-:\\w]+)/$": "a mailed link: it confirms and leads on",
    "^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": "a mailed link; the first hour goes there",
    "login/code/confirm/": "logging in by a mailed code is off",
    "password/set/": "everybody has a password: leads to changing it",
    "2fa/authenticate/": "the second step of a login: leads back when none is under way",
    "2fa/webauthn/keys/<int:pk>/remove/": "needs a passkey of a device; one question",
    "2fa/webauthn/keys/<int:pk>/edit/": "needs a passkey of a device; one field",
    "2fa/webauthn/reauthenticate/": "needs a passkey of a device; the page of the password's check",
    "2fa/webauthn/login/": "begins a passkey's login for a script",
    "readyz": "for machines",
    "favicon.ico": "leads to the icon",
    "docs/<slug:slug>.md": "text",
    "admin/^(?P<app_label>accounts|billing|generations)/$": "no link leads there: the sidebar has all lists",
    "admin/generations/channel/<int:channel>/test/": "takes a press of the button; its answer is a piece",
    "2fa/recovery-codes/download/": "a file",
    "docs/": "leads to the first page",
    "2fa/reauthenticate/": "leads to the check that is due",
    "inbox/<str:token>": "takes what is posted",
    "invitations/<str:token>/": "keeps the link's token in the session and leads on",
    "admin/login/": "leads to the one login",
    "admin/r/<path:content_type_id>/<path:object_id>/": "no model has a page outside the admin",
    "admin/(?P<url>.*)$": "adds a missing slash",
    "admin/search/": "the theme's own search: ours replaces it",
}
"""Pattern to reason. What takes no GET, answers no HTML or only a piece of a page needs none: it is asked."""


@dataclass(frozen=True)
class Stop:
    """An address to visit, and the line of the URL table it is of."""

    pattern: str
    path: str


def furnish(studio: Studio, site: str) -> dict[str, str]:
    """What the studio lacks for its every page. Gives the ids of what is there by the names that addresses
    have for them."""
    us, us_id = studio.organization, studio.organization.pk
    webhooks.rotate_callback_secret(organization=us, mode="live", by=BY)
    billing.set_alert(organization=us, threshold=IMAGE, by=BY)
    contests.report(generation=_first(Generation, us, pk=studio.tasks[0]), reason="It is blurred", by=BY)
    credit.request(organization=us, amount=25 * IMAGE, note="For the campaign", by=BY)
    key, _ = keys.create(organization=us, mode="live", name="A key with a budget", by=BY)
    for_key = billing.set_budget(organization=us, period="total", limit=100 * IMAGE, by=BY, key=key.pk)
    endpoint, message = _webhook(us)
    _channel()
    seals.seal_all()
    inbox.keep(us_id, "POST", {}, b'{"type": "generation.succeeded"}')
    waiting = EVOLINK.post(site, studio.key, EVOLINK.order("test:slow=90"))
    call = eventually(lambda: _first(ApiRequest, us))
    return {
        "team": us.slug, "user": str(studio.people["viewer"].pk), "generation": studio.tasks[0],
        "key": str(key.pk), "budget": str(for_key.pk), "endpoint": endpoint, "message": message,
        "call": str(call.pk), "asked": str(_first(CreditRequest, us).pk), "month": f"{utc_now():%Y-%m}",
        "waiting": waiting.headers["x-easel-generation"], "invitation": str(_first(Invitation, us).pk),
    }  # fmt: skip


def _webhook(organization: Organization) -> tuple[str, str]:
    """An endpoint with a message that was tried once."""
    url = "https://hooks.example.test/second"
    endpoint, _ = webhooks.create(
        organization=organization, mode="live", url=url, events=[Event.KEY_REVOKED], by=BY
    )
    message = webhooks.ping(endpoint=endpoint, by=BY)
    claim = Claim(organization.pk, message.pk, 0)
    parcel = deliveries.Parcel(claim, url, {}, b"{}", utc_now(), endpoint.pk, None)
    deliveries.record(parcel, deliveries.Result(500, b"not today", 0.1, ""))
    return str(endpoint.pk), str(message.pk)


def _channel() -> None:
    """One that changes nothing for the neighbours: the sandbox, which serves anyway."""
    with operator():
        row = Channel.objects.create(name=f"spare-{ids.word(8)}", provider="sandbox", enabled=False)
        row.serves.create(model_id="gemini-2.5-flash-image", upstream_model="gemini-2.5-flash-image")


def hear_a_canary() -> None:
    """Send one through the cluster's queue, so that there is a sign of life with a page."""
    wakeups.canary("easel-1")
    with operator():
        eventually(lambda: Beat.objects.filter(kind="canary").exists())


def _first(model: Any, organization: Organization, **narrowed: Any) -> Any:
    with tenant(organization):
        return model.objects.of(organization).filter(**narrowed).first()


# ---- the stops -----------------------------------------------------------------------------------


def team_stops(known: Mapping[str, str]) -> list[Stop]:
    """Below `/o/<team>/`."""
    waits = {**known, "generation": known.get("waiting", "")}  # what can be cancelled still
    return [
        Stop(one.pattern, one.path(**(waits if one.name == "cancel_task" else known)))
        for one in _open()
        if one.of_team
    ]


def house_stops() -> list[Stop]:
    """Public pages, and those of one's own account."""
    plain = [
        one for one in _open() if not one.of_team and not one.pattern.startswith(("admin/", "docs/<", "api/"))
    ]
    return [Stop(one.pattern, one.path()) for one in plain if "docs/migrate" not in one.pattern]


def docs_stops() -> list[Stop]:
    """Each page of the documentation, and each way of moving here."""
    pages = [Stop("docs/<slug:slug>/", f"/docs/{slug}/") for slug in PAGES]
    pages.append(Stop("api/v1/docs/", "/api/v1/docs/"))
    return pages + [Stop("docs/migrate/<slug:vendor>/", f"/docs/migrate/{vendor}/") for vendor in VENDORS]


def admin_stops(organization: Organization) -> list[Stop]:
    """Each list, and the page and the deeds of its first row: of this organization, where rows are one's."""
    stops = [
        Stop(one.pattern, one.path())
        for one in _open()
        if one.pattern.startswith("admin/") and "<" not in one.pattern
    ]
    for model, page in admin.site._registry.items():
        row = _row_of(model, page, organization)
        stops += _of_row(model, page, "" if row is None else str(row.pk))
    return stops


def _of_row(model: Any, page: Any, row: str) -> Iterator[Stop]:
    base = f"admin/{model._meta.app_label}/{model._meta.model_name}/"
    for one in _open():
        # The bare address of a row is Django's old one, and leads to its page.
        if one.pattern.startswith(f"{base}<path:object_id>/") and one.pattern[-2:] != ">/" and row:
            yield Stop(one.pattern, one.path(object_id=quote(row)))
        if one.pattern == f"{base}do/<slug:deed>/":
            for deed in (deed for deed in page.deeds if deed.bare or row):
                yield Stop(one.pattern, one.path(deed=deed.name) + ("" if deed.bare else f"?of={row}"))


def _row_of(model: Any, page: Any, organization: Organization) -> Any:
    """The newest; of the organization's own, where it has some."""
    with operator():
        # A drain's beat ends with the drain, which is any moment; a canary's stays.
        first = ("kind",) if model is Beat else ("-pk",)
        rows = getattr(model.objects, "across", model.objects.all)().order_by(*first)
        lookup = page.of_organization.removesuffix("__exact")
        ours = {lookup: organization.pk} if lookup and hasattr(model, "organization_id") else {}
        return rows.filter(**ours).first()


def _open() -> list[Address]:
    return [one for one in addresses() if one.pattern not in EXEMPT and not one.pattern.startswith("api/")]
