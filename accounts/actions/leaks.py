"""A key that somebody found where it should not be: whoever holds it may end it (K13, X5)."""

from __future__ import annotations

import structlog
from django.conf import settings
from django.core.mail import send_mail

from accounts import auditing, directory, keys, lookup
from accounts.actions.keys import end
from accounts.auditing import Actor
from accounts.errors import InvalidValue
from accounts.lookup import Found
from accounts.models import ApiKey
from runtime.tenancy import tenant

log = structlog.get_logger(__name__)

LONGEST_PLACE = 500
_SUBJECT = "An API key of {team} was found in public and has been revoked"
_BODY = """Somebody reported that the API key "{name}" ({prefix}...) of {team} is not secret any more.
{place}
{done} Whoever holds it can use it no longer. Nothing else was changed.

What to do now:
1. Make a new key where the old one was used: {url}
2. Look at what the key did in the last days, in your request history.
3. Find how it got out: a repository, a log, a screenshot.
"""


def report(*, presented: str, place: str = "", by: Actor) -> bool:
    """End the key, tell the owners and admins, and note it. A secret from before the last rotation ends
    alone; the present one goes on. True if there was something to end: whoever reported it is told the
    same either way. Raises InvalidValue for a `place` that is too long."""
    if len(place) > LONGEST_PLACE:
        raise InvalidValue("found_at", f"Say in at most {LONGEST_PLACE} characters where it was found.")
    if not keys.well_formed(presented):
        return False
    for digest, _ in keys.digests(presented):
        found = lookup.find(digest)
        if found is not None:
            return _end(found, digest, place, by)
    return False


def _end(found: Found, digest: bytes, place: str, by: Actor) -> bool:
    old = lookup.is_previous(found, digest)
    with tenant(found.organization_id):
        key = ApiKey.objects.of(found.organization_id).select_for_update().get(pk=found.id)
        ended = _end_previous(key, by) if old else _end_key(key, by)
        if ended:
            _note(key, place, by)
    if ended:
        _tell(key, found, place, old=old)
    return ended


def _end_key(key: ApiKey, by: Actor) -> bool:
    if key.revoked_at is not None:
        return False
    end(key, reason="Reported as found in public.", by=by)
    return True


def _end_previous(key: ApiKey, by: Actor) -> bool:
    if key.revoked_at is not None or key.previous_digest is None:
        return False
    key.previous_digest = key.previous_expires_at = None
    key.save(update_fields=["previous_digest", "previous_expires_at"])
    return True


def _note(key: ApiKey, place: str, by: Actor) -> None:
    auditing.record(
        by=by,
        action="key.leaked",
        object_type="key",
        object_id=key.pk,
        object_label=str(key),
        reason=f"Found at {place}" if place else "Found in public.",
        organization_id=key.organization_id,
    )


def _tell(key: ApiKey, found: Found, place: str, *, old: bool) -> None:
    """After the commit: the key has ended, whether or not the mail can leave."""
    done = "Its old secret was ended; the present one goes on." if old else "The key was revoked."
    facts = {
        "team": found.organization_name,
        "name": key.name,
        "prefix": key.prefix,
        "place": f"It was found at: {place}\n" if place else "",
        "done": done,
        "url": settings.EASEL.url,
    }
    try:
        send_mail(
            " ".join(_SUBJECT.format(**facts).split()),
            _BODY.format(**facts),
            None,
            directory.heads_of(key.organization_id),
        )
    except OSError:
        log.exception("leak.mail_failed", key=key.prefix)
