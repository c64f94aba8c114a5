"""`/healthz`: the process lives. `/readyz`: database, queue and storage answer. `/metrics`: Prometheus,
for the machine itself and trusted proxies only."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from ipaddress import ip_address

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from generations import beats
from runtime import storage


def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as the process can answer at all."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when everything a generation needs answers, else 503; each part by name."""
    parts = {name: _works(check) for name, check in CHECKS.items()}
    return JsonResponse(parts, status=200 if all(word == "ok" for word in parts.values()) else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text. A stranger gets 404, as if there were nothing."""
    if not _is_near(request.META.get("REMOTE_ADDR", "")):
        return HttpResponseNotFound()
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _is_near(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return found.is_loopback or any(found in network for network in settings.EASEL.trusted_proxies)


def _works(check: Callable[[], str]) -> str:
    """`ok`, or what is wrong in a few words that give nothing away."""
    try:
        return check()
    except Exception as error:
        return f"failed: {type(error).__name__}"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _queue() -> str:
    seconds = beats.newest()
    if seconds is None:
        return "failed: no cluster has beaten yet"
    return "ok" if seconds < settings.EASEL.silence_seconds else f"failed: silent for {seconds:.0f} s"


def _storage() -> str:
    key = f"probe/{secrets.token_hex(8)}"
    store = storage.default()
    store.put(key, b"probe", "application/octet-stream", deadline=2.0)
    store.delete(key)
    return "ok"


CHECKS: dict[str, Callable[[], str]] = {"database": _database, "queue": _queue, "storage": _storage}
