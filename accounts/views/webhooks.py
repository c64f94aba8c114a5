"""The receivers of a team: endpoints, their secrets, their end; and the secret of orders' own callbacks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import outbox
from accounts.access import Permission
from accounts.actions import webhooks
from accounts.errors import Conflict, InvalidValue, NotFound
from accounts.forms.webhooks import EditEndpointForm, NewEndpointForm, RemoveForm, RotateSecretForm
from accounts.shell import TeamRequest, team_page
from accounts.views import once
from accounts.views.stepping import proven
from accounts.webhooks import inbox, reading
from accounts.webhooks.reading import Watched


@team_page(Permission.ENDPOINT_MANAGE)
@require_safe
def index(request: TeamRequest) -> HttpResponse:
    """All endpoints of the mode with their health, and how the orders' own URLs do."""
    team = request.team
    context = {
        "rows": reading.endpoints(team.organization, team.mode),
        "callbacks": reading.callbacks(team.organization, team.mode),
        "signer": outbox.callback_secret(team.organization, team.mode),
    }
    return render(request, "accounts/webhooks/index.html", context)


@team_page(Permission.ENDPOINT_MANAGE)
@require_http_methods(["GET", "POST"])
@proven
def create(request: TeamRequest) -> HttpResponse:
    """Ask for a new endpoint, or make it and show its secret."""
    form = NewEndpointForm(request.POST or None, initial=once.fresh())
    if request.method == "POST" and form.is_valid():
        if made := once.sent_before(request, form):
            return made
        if shown := _make(request, form):
            return shown
    return render(request, "accounts/webhooks/new.html", {"form": form, "inbox": _inbox(request)})


def _make(request: TeamRequest, form: NewEndpointForm) -> HttpResponse | None:
    """The page with the secret; None when the form was wrong, which it then says."""
    try:
        endpoint, secret = webhooks.create(
            organization=request.team.organization,
            mode=request.team.mode,
            by=request.actor,
            created_by=request.user,
            **form.values(),
        )
    except (InvalidValue, Conflict) as problem:
        _refuse(form, problem)
        return None
    page = address(request, "webhook", endpoint.pk)
    once.remember(request, form, page)
    return _told(request, secret, page, endpoint=endpoint, new=True)


def _told(request: TeamRequest, secret: str, page: str, **more: Any) -> HttpResponse:
    """The one page that shows a signing secret."""
    program = render_to_string("accounts/webhooks/verify.py.txt", {"secret": secret}).strip()
    context = {"secret": secret, "program": program, "page": page, **more}
    return render(request, "accounts/webhooks/secret.html", context)


def _inbox(request: TeamRequest) -> str:
    """Where callbacks can be tried on a laptop; empty in production."""
    return inbox.address(request.team.organization.pk) if inbox.is_open() else ""


@team_page(Permission.ENDPOINT_MANAGE)
@require_http_methods(["GET", "POST"])
def edit(request: TeamRequest, endpoint: UUID) -> HttpResponse:
    """Change where to and what of; what waits goes to the new URL."""
    row = require_endpoint(request, endpoint).endpoint
    form = EditEndpointForm(request.POST or None, endpoint=row)
    if request.method == "POST" and form.is_valid():
        try:
            webhooks.edit(endpoint=row, changes=form.values(), by=request.actor)
        except InvalidValue as problem:
            _refuse(form, problem)
        else:
            messages.success(request, "Saved. What waits goes to the URL as it is now.")
            return redirect(address(request, "webhook", row.pk))
    context = {"form": form, "endpoint": row, "inbox": _inbox(request)}
    return render(request, "accounts/webhooks/edit.html", context)


@team_page(Permission.ENDPOINT_MANAGE)
@require_http_methods(["GET", "POST"])
@proven
def rotate(request: TeamRequest, endpoint: UUID) -> HttpResponse:
    """Ask how long both secrets shall sign, or make a new one and show it."""
    row = require_endpoint(request, endpoint).endpoint
    page = address(request, "webhook", row.pk)
    form = RotateSecretForm(request.POST or None, initial=once.fresh())
    if request.method == "POST" and form.is_valid():
        if made := once.sent_before(request, form):
            return made
        row, secret = webhooks.rotate(endpoint=row, by=request.actor, overlap=form.period)
        once.remember(request, form, page)
        return _told(request, secret, page, endpoint=row)
    return render(request, "accounts/webhooks/rotate.html", {"form": form, "endpoint": row, "page": page})


@team_page(Permission.ENDPOINT_MANAGE)
@require_POST
def enable(request: TeamRequest, endpoint: UUID) -> HttpResponse:
    """Tell it again what happens from now on."""
    row = require_endpoint(request, endpoint).endpoint
    webhooks.enable(endpoint=row, by=request.actor)
    messages.success(request, "Enabled. It is told what happens from now on; send again what it missed.")
    return redirect(address(request, "webhook", row.pk))


@team_page(Permission.ENDPOINT_DISABLE)
@require_POST
def disable(request: TeamRequest, endpoint: UUID) -> HttpResponse:
    """Tell it nothing more."""
    row = require_endpoint(request, endpoint).endpoint
    webhooks.disable(endpoint=row, by=request.actor)
    messages.success(request, "Disabled. What it misses can be sent again when it is enabled.")
    return redirect(address(request, "webhook", row.pk))


@team_page(Permission.ENDPOINT_MANAGE)
@require_POST
def ping(request: TeamRequest, endpoint: UUID) -> HttpResponse:
    """Send it a message that says nothing, and go to look what became of it."""
    row = require_endpoint(request, endpoint).endpoint
    try:
        message = webhooks.ping(endpoint=row, by=request.actor)
    except Conflict as problem:
        messages.error(request, problem.message)
        return redirect(address(request, "webhook", row.pk))
    return redirect(
        reverse("delivery", kwargs={"team": request.team.organization.slug, "message": message.pk})
    )


@team_page(Permission.ENDPOINT_MANAGE)
@require_http_methods(["GET", "POST"])
def remove(request: TeamRequest, endpoint: UUID) -> HttpResponse:
    """Say what will happen and ask for its host, or end it."""
    row = require_endpoint(request, endpoint)
    form = RemoveForm(request.POST or None, endpoint=row.endpoint)
    if request.method == "POST" and form.is_valid():
        webhooks.remove(endpoint=row.endpoint, by=request.actor)
        messages.success(request, f"{row.endpoint} is removed. Nothing more is sent to it.")
        return redirect(reverse("webhooks", kwargs={"team": request.team.organization.slug}))
    context = {"form": form, "row": row, "page": address(request, "webhook", row.endpoint.pk)}
    return render(request, "accounts/webhooks/remove.html", context)


# ---- the secret of callbacks -----------------------------------------------------------------


@team_page(Permission.ENDPOINT_MANAGE)
@require_http_methods(["GET", "POST"])
@proven
def callback_secret(request: TeamRequest) -> HttpResponse:
    """Sign callbacks to orders' own URLs, with a new secret from now on."""
    team, page = request.team, _callbacks_page(request)
    form = RotateSecretForm(request.POST or None, initial=once.fresh())
    if request.method == "POST" and form.is_valid():
        if made := once.sent_before(request, form):
            return made
        secret = webhooks.rotate_callback_secret(
            organization=team.organization, mode=team.mode, by=request.actor, overlap=form.period
        )
        once.remember(request, form, page)
        return _told(request, secret, page)
    signer = outbox.callback_secret(team.organization, team.mode)
    return render(request, "accounts/webhooks/rotate.html", {"form": form, "signer": signer, "page": page})


@team_page(Permission.ENDPOINT_MANAGE)
@require_POST
def remove_callback_secret(request: TeamRequest) -> HttpResponse:
    """Send callbacks without a signature again."""
    team = request.team
    try:
        webhooks.remove_callback_secret(organization=team.organization, mode=team.mode, by=request.actor)
    except NotFound as problem:
        messages.error(request, problem.message)
    else:
        messages.success(request, "Callbacks to orders' own URLs are no longer signed.")
    return redirect(_callbacks_page(request))


def _callbacks_page(request: TeamRequest) -> str:
    return reverse("callbacks", kwargs={"team": request.team.organization.slug})


# ---- what the pages of webhooks share --------------------------------------------------------


def require_endpoint(request: TeamRequest, endpoint: UUID) -> Watched:
    """The endpoint of this team and mode. Raises Http404."""
    try:
        return reading.endpoint(request.team.organization, request.team.mode, endpoint)
    except NotFound:
        raise Http404 from None


def address(request: TeamRequest, name: str, endpoint: UUID) -> str:
    """The address of a page of an endpoint."""
    return reverse(name, kwargs={"team": request.team.organization.slug, "endpoint": endpoint})


def _refuse(form: Form, problem: Any) -> None:
    """Put a verb's refusal where its field stands."""
    field = getattr(problem, "field", None)
    form.add_error(field if field in form.fields else None, problem.message)
