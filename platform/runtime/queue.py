"""Putting a task into a cluster's own queue. The queue carries wake-ups, the tables carry the truth."""

from __future__ import annotations

import redis
import structlog
from django.conf import settings
from django.db import connection, transaction
from django_q.brokers import redis_broker
from django_q.conf import Conf
from django_q.tasks import async_task
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)

WAITING = "SELECT count(*) FROM django_q_ormq WHERE key = %s AND lock <= now()"


def put(task: str, cluster: str) -> None:
    """Enqueue a task without arguments, by its dotted path. With the ORM broker it joins the caller's
    transaction; with Redis it leaves after the commit, if Redis is there: what was committed stands, and
    the janitor rings again."""
    if settings.EASEL.broker == "orm":
        async_task(task, cluster=cluster)
    else:
        transaction.on_commit(lambda: _send(task, cluster))


def _send(task: str, cluster: str) -> None:
    try:
        async_task(task, cluster=cluster)
    except redis.RedisError as error:
        log.warning("queue.broker_away", task=task, cluster=cluster, error=type(error).__name__)


def waiting(cluster: str) -> int:
    """How many messages wait in a cluster's queue (0 with Redis: there nobody counts)."""
    if settings.EASEL.broker != "orm":
        return 0
    with connection.cursor() as cursor:
        cursor.execute(WAITING, (cluster,))
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


class BriefRedis(redis_broker.Redis):  # type: ignore[misc]  # django-q2 has no types
    """django-q2's broker over Redis, but one that is away is noticed at once: by default the client tries
    again for seconds, and whoever has just committed would wait for a mere wake-up."""

    @staticmethod
    def get_connection(list_key: str | None = None) -> redis.Redis:
        """A client that asks once: a second to connect, five to answer (the longest question takes one)."""
        return redis.from_url(
            Conf.REDIS, retry=Retry(NoBackoff(), 0), socket_connect_timeout=1, socket_timeout=5
        )
