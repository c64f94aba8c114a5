"""Guessing at what opens an account: after five failures each further try waits, twice as long every time and
a quarter of an hour at most.

The wait is of the account *and of who tries*: where the account's owner has been logged in before, his tries
are counted apart, so that nobody can keep him out by guessing from elsewhere; and a new password, set by
mail, ends it. An address that belongs to nobody waits like any other.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

from allauth.usersessions.models import UserSession
from django.db import connection

from accounts.models import Guesses

FREE: Final = 5
"""Failures without a wait."""
FIRST_SECONDS, LONGEST_SECONDS = 15, 900
FORGOTTEN: Final = "6 hours"

# Counted before the password is looked at, so that many tries at once are many tries. One that has to wait is
# not counted: hammering does not make the wait longer.
_TRY = """
    INSERT INTO accounts_guesses AS g (subject, failures, at, blocked_until)
    VALUES (%(subject)s, 1, now(), now())
    ON CONFLICT (subject) DO UPDATE
    SET failures = CASE WHEN g.at < now() - %(forgotten)s::interval THEN 1 ELSE g.failures + 1 END,
        at = now(),
        blocked_until = now() + CASE
            WHEN g.at < now() - %(forgotten)s::interval OR g.failures + 1 < %(free)s THEN interval '0'
            ELSE make_interval(secs =>
                least(%(longest)s, %(first)s * 2 ^ least(g.failures + 1 - %(free)s, 20)))
        END
    WHERE g.blocked_until <= now()
    RETURNING failures
"""
_FORGET_OLD = """
    DELETE FROM accounts_guesses WHERE subject IN (
        SELECT subject FROM accounts_guesses WHERE at < now() - %(forgotten)s::interval
        LIMIT 100 FOR UPDATE SKIP LOCKED)
"""


def subject(email: str, address: str) -> bytes:
    """What is counted together: the account from everywhere, or apart where its owner has been before."""
    known = UserSession.objects.filter(user__email=email.lower(), ip=address).exists()
    return _digest(email, address if known else "")


def attempt(guessed_at: bytes) -> bool:
    """Count a try. False where it has to wait: then the answer must not depend on what was guessed."""
    values: dict[str, bytes | str | int] = {
        "subject": guessed_at,
        "forgotten": FORGOTTEN,
        "free": FREE,
        "first": FIRST_SECONDS,
        "longest": LONGEST_SECONDS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TRY, values)
        row = cursor.fetchone()
        if row == (1,):
            cursor.execute(_FORGET_OLD, values)
    return row is not None


def succeeded(guessed_at: bytes) -> None:
    """The try was no guess: forget those before it."""
    Guesses.objects.filter(pk=guessed_at).delete()


def forgive(email: str) -> None:
    """The account has a new password: nobody waits for the old one."""
    succeeded(_digest(email, ""))


def blocked_until(guessed_at: bytes) -> datetime | None:
    """When the next try is free; None where nothing was counted."""
    row = Guesses.objects.filter(pk=guessed_at).first()
    return row.blocked_until if row else None


def _digest(email: str, address: str) -> bytes:
    return hashlib.sha256(f"log-in\0{email.lower()}\0{address}".encode()).digest()
