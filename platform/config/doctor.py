"""What an operator asks of an installation before its customers do: is everything where it should be?

    examine()    every check, one finding each: green, amber or red, with what to do

Each check stands by itself: one that cannot be made is a finding, too.
"""

from __future__ import annotations

import http.client
import secrets
import smtplib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.core.mail import get_connection
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django_q.brokers import get_broker

from config import boot
from generations import beats, channels, links
from generations.doors.stored import HEADERS
from generations.models import Channel
from runtime import queue, storage
from runtime.clock import database_now, utc_now
from runtime.tenancy import ROLES, audit, operator

OLDEST_SERVER = 150000
CLOCKS = timedelta(seconds=1), timedelta(seconds=10)
UNSEALED_SECONDS = 300
CROWD = 10_000
LINK_SECONDS = 5.0


class Colour(StrEnum):
    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and what to do about it (nothing, where it is green)."""

    name: str
    colour: Colour
    says: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Every check, in the order in which things depend on each other."""
    return [finding for name, check in CHECKS.items() for finding in _made(name, check)]


def _made(name: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    try:
        return list(check())
    except Exception as error:
        words = f"{type(error).__name__}: {error}".strip().splitlines()[0][:300]
        remedy = "Mend what the message names; the lines above may have the cause."
        return [Finding(name, Colour.RED, words, remedy)]


# ---- the database --------------------------------------------------------------------------------


def _database() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int, current_setting('server_version')")
        number, version = cursor.fetchone() or (0, "")
    if number < OLDEST_SERVER:
        yield Finding("database", Colour.RED, f"PostgreSQL {version}", "Use PostgreSQL 15 or newer.")
    else:
        yield Finding("database", Colour.GREEN, f"PostgreSQL {version} answers")


def _roles() -> Iterator[Finding]:
    if problem := boot.problem():
        yield Finding(
            "roles", Colour.RED, problem, "Run manage.py setup_database, and use the login it makes."
        )
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM unnest(%s::text[]) AS name LEFT JOIN pg_roles ON rolname = name"
            " WHERE rolname IS NULL OR NOT pg_has_role(session_user, oid, 'MEMBER')",
            (list(ROLES),),
        )
        missing = [name for (name,) in cursor.fetchall()]
    if missing:
        remedy = "Run manage.py setup_database with DATABASE_ADMIN_URL."
        yield Finding("roles", Colour.RED, f"The login may not enter {', '.join(missing)}", remedy)
    else:
        yield Finding("roles", Colour.GREEN, f"The login owns nothing and may enter its {len(ROLES)} roles")


def _migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        first = waiting[0][0]
        says = f"{len(waiting)} did not run yet, the first is {first.app_label} {first.name}"
        yield Finding("migrations", Colour.RED, says, "Run manage.py migrate, then restart.")
    else:
        yield Finding("migrations", Colour.GREEN, "All have run")


def _clock() -> Iterator[Finding]:
    before, theirs, after = utc_now(), database_now(), utc_now()
    apart = abs(theirs - (before + (after - before) / 2))
    amber, red = CLOCKS
    colour = Colour.RED if apart > red else Colour.AMBER if apart > amber else Colour.GREEN
    remedy = "" if colour is Colour.GREEN else "Let both machines follow a time server (chrony, ntpd)."
    yield Finding("clock", colour, f"{apart.total_seconds():.3f} s from the database's", remedy)


# ---- what it works with --------------------------------------------------------------------------


def _storage() -> Iterator[Finding]:
    key, data = f"probe/{secrets.token_hex(8)}", secrets.token_bytes(64)
    store = storage.default()
    store.put(key, data, "application/octet-stream", deadline=5.0)
    same = store.read(key) == data
    store.delete(key)
    gone = not store.exists(key)
    if same and gone:
        yield Finding("storage", Colour.GREEN, "An object was put, read back and deleted")
    else:
        says = "What was read back is not what was put" if not same else "A deleted object is still there"
        yield Finding("storage", Colour.RED, says, "Check EASEL_STORAGE: is it a bucket of our own?")


def _links() -> Iterator[Finding]:
    """An image's link under EASEL_URL must reach this installation: one of no image is a 404 in our words."""
    link = urlsplit(links.url(uuid4(), 0, "image/png", 0))
    remedy = "Check EASEL_URL and the proxy, and that `web` runs."
    try:
        status, ours = _asked(link.scheme, link.netloc, f"{link.path}?{link.query}")
    except (OSError, http.client.HTTPException) as error:
        yield Finding("links", Colour.AMBER, f"{settings.EASEL.url} does not answer: {error}", remedy)
        return
    if status == 404 and ours:
        yield Finding("links", Colour.GREEN, f"{settings.EASEL.url} leads here")
    else:
        yield Finding("links", Colour.RED, f"{settings.EASEL.url} answers {status}, and not as we do", remedy)


def _asked(scheme: str, host: str, target: str) -> tuple[int, bool]:
    """The status of our own address, and whether the answer carries what we put on every file."""
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    asking = kind(host, timeout=LINK_SECONDS)
    try:
        asking.request("GET", target)
        answer = asking.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, all(told.get(k.decode()) == v.decode() for k, v in HEADERS)
    finally:
        asking.close()


def _broker() -> Iterator[Finding]:
    name = "orm" if settings.EASEL.broker == "orm" else "redis"
    get_broker().ping()
    waiting = queue.waiting(settings.EASEL.cluster)
    if waiting > CROWD:
        remedy = "Wake-ups pile up: look at the heartbeats, and start more clusters."
        yield Finding("broker", Colour.AMBER, f"{name}: {waiting:,} messages wait", remedy)
    else:
        yield Finding("broker", Colour.GREEN, f"{name} answers, {waiting:,} messages wait")


def _heartbeats() -> Iterator[Finding]:
    seconds, limit = beats.newest(), settings.EASEL.silence_seconds
    remedy = "Start `manage.py cluster` (or the systemd unit easel-cluster@1)."
    if seconds is None:
        yield Finding("heartbeats", Colour.RED, "No cluster has beaten yet", remedy)
    elif seconds > limit:
        yield Finding("heartbeats", Colour.RED, f"All clusters are silent for {seconds:.0f} s", remedy)
    else:
        yield Finding("heartbeats", Colour.GREEN, f"The newest is {seconds:.1f} s old")


_UNSEALED = """
    SELECT extract(epoch FROM clock_timestamp() - created_at) FROM billing_entry
    WHERE id > (SELECT coalesce(max(last_id), 0) FROM billing_seal WHERE "table" = 'billing_entry')
    ORDER BY id LIMIT 1
"""


def _janitor() -> Iterator[Finding]:
    """Each minute it seals what was booked: what waits longer tells that it does not run."""
    with audit(), connection.cursor() as cursor:
        cursor.execute(_UNSEALED)
        row = cursor.fetchone()
    if row and float(row[0]) > UNSEALED_SECONDS:
        says = f"An entry waits for its seal since {timedelta(seconds=int(row[0]))}"
        yield Finding("janitor", Colour.RED, says, "Start `manage.py janitor` (or the unit easel-janitor).")
    else:
        yield Finding("janitor", Colour.GREEN, "Everything that was booked is sealed")


def _mail() -> Iterator[Finding]:
    backend = settings.EMAIL_BACKEND.rpartition(".")[0].rpartition(".")[2]
    if backend != "smtp":
        colour = Colour.AMBER if settings.EASEL.production else Colour.GREEN
        remedy = "Set EMAIL_URL to a mail server." if settings.EASEL.production else ""
        yield Finding("mail", colour, f"Goes to the {backend}, nobody receives any", remedy)
        return
    server = get_connection()
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    try:
        server.open()
        server.close()
    except (OSError, smtplib.SMTPException) as error:
        yield Finding("mail", Colour.RED, f"{where}: {error}", "Check EMAIL_URL: host, port, name, password.")
    else:
        yield Finding("mail", Colour.GREEN, f"{where} takes our name")


# ---- how it is set up ----------------------------------------------------------------------------


def _proxy() -> Iterator[Finding]:
    ours = settings.EASEL
    local = urlsplit(ours.url).hostname in ("localhost", "127.0.0.1", "::1")
    if ours.production and not ours.secure and not local:
        remedy = "Put a proxy with a certificate in front, and give EASEL_URL with https."
        yield Finding("proxy", Colour.RED, f"Customers come to {ours.url} in the clear", remedy)
    elif ours.secure and not ours.trusted_proxies:
        remedy = "Set EASEL_TRUSTED_PROXIES to the proxy's addresses, and let it set X-Forwarded-For."
        says = "No proxy is trusted: every call seems to come from the proxy itself"
        yield Finding("proxy", Colour.AMBER, says, remedy)
    else:
        trusted = ", ".join(map(str, ours.trusted_proxies)) or "none, and none is needed"
        yield Finding("proxy", Colour.GREEN, f"Trusted: {trusted}")
    if ours.egress_allow:
        networks = ", ".join(map(str, ours.egress_allow))
        remedy = "Unset EASEL_EGRESS_ALLOW unless customers' URLs may reach these networks."
        yield Finding("egress", Colour.AMBER, f"Customers' URLs may reach {networks}", remedy)


# ---- the channels --------------------------------------------------------------------------------


def _channels() -> Iterator[Finding]:
    with operator():
        rows = list(
            Channel.objects.exclude(from_environment=True, credential="").order_by("-priority", "name")
        )
    if not rows:
        production = settings.EASEL.production
        colour = Colour.RED if production else Colour.GREEN
        remedy = "Add a channel in the admin, or set EASEL_GEMINI_API_KEY." if production else ""
        yield Finding("channels", colour, "None: the sandbox draws everything", remedy)
    for row in rows:
        yield _channel(row)


def _channel(row: Channel) -> Finding:
    name = f"channel {row.name}"
    if not row.enabled:
        return Finding(name, Colour.AMBER, "Disabled", "Enable it in the admin, or leave it.")
    problems = [one for one in channels.probe(row) if one.problem]
    if problems:
        says = "; ".join(f"{one.model} {one.problem}".strip() for one in problems)[:500]
        return Finding(name, Colour.RED, says, "Check its key, its address and its models in the admin.")
    if row.health != Channel.Health.HEALTHY:
        says = f"It is well, but marked {row.health}: it is not called"
        return Finding(name, Colour.RED, says, "Mark it healthy in the admin.")
    return Finding(name, Colour.GREEN, "The key is good, and every model is known")


CHECKS: dict[str, Callable[[], Iterator[Finding]]] = {
    "database": _database,
    "roles": _roles,
    "migrations": _migrations,
    "clock": _clock,
    "storage": _storage,
    "links": _links,
    "broker": _broker,
    "heartbeats": _heartbeats,
    "janitor": _janitor,
    "mail": _mail,
    "proxy": _proxy,
    "channels": _channels,
}
