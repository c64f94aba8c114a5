"""Putting a task into a cluster's own queue. The queue carries wake-ups, the tables carry the truth."""

from __future__ import annotations

from django.conf import settings
from django.db import connection, transaction
from django_q.tasks import async_task

WAITING = "SELECT count(*) FROM django_q_ormq WHERE key = %s AND lock <= now()"


def put(task: str, cluster: str) -> None:
    """Enqueue a task without arguments, by its dotted path. With the ORM broker it joins the caller's
    transaction; with Redis it leaves after the commit."""
    if settings.EASEL.broker == "orm":
        async_task(task, cluster=cluster)
    else:
        from runtime import redis_queue  # its client takes a quarter of a second to import

        transaction.on_commit(lambda: redis_queue.send(task, cluster))


def waiting(cluster: str) -> int:
    """How many messages wait in a cluster's queue (0 with Redis: there nobody counts)."""
    if settings.EASEL.broker != "orm":
        return 0
    with connection.cursor() as cursor:
        cursor.execute(WAITING, (cluster,))
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])
