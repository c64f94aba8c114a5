"""The queue over Redis: for houses that set EASEL_BROKER; nobody else imports the client."""

from __future__ import annotations

import redis
import structlog
from django_q.brokers import redis_broker
from django_q.conf import Conf
from django_q.tasks import async_task
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)


def send(task: str, cluster: str) -> None:
    """Send a wake-up if Redis is there. What was committed stands without it: the janitor rings again."""
    try:
        async_task(task, cluster=cluster)
    except redis.RedisError as error:
        log.warning("queue.broker_away", task=task, cluster=cluster, error=type(error).__name__)


class BriefRedis(redis_broker.Redis):  # type: ignore[misc]  # django-q2 has no types
    """django-q2's broker over Redis, but one that is away is noticed at once: by default the client tries
    again for seconds, and whoever has just committed would wait for a mere wake-up."""

    @staticmethod
    def get_connection(list_key: str | None = None) -> redis.Redis:
        """A client that asks once: a second to connect, five to answer (the longest question takes one)."""
        return redis.from_url(
            Conf.REDIS, retry=Retry(NoBackoff(), 0), socket_connect_timeout=1, socket_timeout=5
        )
