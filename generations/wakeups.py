"""Wake-ups: messages that say "look at the table". A lost or doubled one harms nobody."""

from __future__ import annotations

import random

from generations import beats
from runtime import queue

DRAIN, CANARY = "generations.tasks.drain", "generations.tasks.canary"
ENOUGH = 2


def wake() -> None:
    """Wake one living cluster, unless enough wake-ups wait there. Joins the caller's transaction."""
    wake_cluster(random.choice(beats.alive()))  # noqa: S311  any of them will do


def wake_cluster(cluster: str) -> None:
    """Wake this cluster, unless enough wake-ups wait there."""
    if queue.waiting(cluster) < ENOUGH:
        queue.put(DRAIN, cluster)


def wake_all() -> None:
    """Wake every living cluster: for work that nobody came for."""
    for cluster in beats.alive():
        wake_cluster(cluster)


def canary(cluster: str) -> None:
    """Send a canary into a cluster's queue: that it comes back proves that the queue moves."""
    if queue.waiting(cluster) < 2 * ENOUGH:
        queue.put(CANARY, cluster)
