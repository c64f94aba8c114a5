"""Channels for tests, as rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from generations import channels
from generations.models import Channel, ChannelModel
from runtime.signing import encrypt

FLASH = "gemini-2.5-flash-image"
SECRET = "a-secret-key-of-the-upstream"

Tell = Callable[..., None]
"""Changes the environment."""


def channel(name: str, *, models: tuple[str, ...] = (FLASH,), **fields: Any) -> Channel:
    """A channel that serves these models, under names of its own."""
    row = Channel.objects.create(
        **{"name": name, "provider": "gemini", "credential": encrypt(SECRET)} | fields
    )
    for model in models:
        ChannelModel.objects.create(channel=row, model_id=model, upstream_model=f"{name}/{model}")
    channels.refresh()
    return row
