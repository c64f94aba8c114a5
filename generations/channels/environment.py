"""The channels of the environment: one read-only row for each provider that the settings name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings

from generations.models import Channel, ChannelModel, Model
from runtime.signing import SecretUnreadable, decrypt, encrypt
from runtime.tenancy import operator

LOOPBACK = ("localhost", "127.0.0.1", "::1")
PORTS = {"http": 80, "https": 443}


class OwnOrigin(ValueError):
    """A channel would call Easel itself."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A provider as the environment names it; without a key it does not. `family` is whose models it
    serves (empty: all of them)."""

    name: str
    provider: str
    key: str = field(repr=False)
    base_url: str
    family: str = ""
    priority: int = 0
    options: Mapping[str, str] = field(default_factory=dict)


def configured() -> Sequence[Setting]:
    """Every provider that the environment could name."""
    ours = settings.EASEL
    place = {"project": ours.vertex_project, "location": ours.vertex_location}
    return (
        Setting("gemini-environment", "gemini", ours.gemini_api_key, ours.gemini_base_url, "google"),
        Setting(
            "vertex-environment",
            "gemini",
            ours.vertex_credentials,
            ours.vertex_base_url,
            "google",
            options=place,
        ),
        # Last: whether it knows a model by the catalogue's name is for its operator to say.
        Setting("openai-environment", "openai", ours.openai_api_key, ours.openai_base_url, priority=-1),
    )


def sync_environment() -> None:
    """Make one channel for each provider that the settings name, and disable it when they no longer
    do. Upstream names that an operator edited stay.

    Raises OwnOrigin for a base URL that leads back here. May be called by every process at start.
    """
    found = configured()
    for setting in found:
        if setting.key:
            refuse_own_origin(setting.base_url)
    with operator():
        for setting in found:
            if setting.key:
                _connect(setting)
            else:
                _disconnect(setting)


def _connect(setting: Setting) -> None:
    """A channel that was disconnected serves again; one that an operator disabled stays so."""
    made = Channel(
        name=setting.name, provider=setting.provider, priority=setting.priority, from_environment=True
    )
    Channel.objects.bulk_create([made], ignore_conflicts=True)
    row = Channel.objects.select_for_update().get(name=setting.name)
    row.enabled = row.enabled or not row.credential
    row.credential = row.credential if _holds(row.credential, setting.key) else encrypt(setting.key)
    row.base_url, row.health, row.options = setting.base_url, Channel.Health.HEALTHY, dict(setting.options)
    row.save()
    models = Model.objects.filter(family=setting.family) if setting.family else Model.objects.all()
    serves = [ChannelModel(channel=row, model=model, upstream_model=model.slug) for model in models]
    ChannelModel.objects.bulk_create(serves, ignore_conflicts=True)
    ChannelModel.objects.filter(channel=row).update(opened_at=None, probed_at=None)


def _disconnect(setting: Setting) -> None:
    gone = Channel.objects.filter(name=setting.name, from_environment=True)
    gone.update(enabled=False, credential="")


def _holds(credential: str, key: str) -> bool:
    try:
        return bool(credential) and decrypt(credential) == key
    except SecretUnreadable:
        return False


def refuse_own_origin(base_url: str) -> None:
    """Raises OwnOrigin if the URL leads to `EASEL_URL` or to a door's host name: a generation would
    order itself again."""
    ours = [settings.EASEL.url, *(f"https://{host}" for host in settings.EASEL.door_hosts)]
    if base_url and _origin(base_url) in map(_origin, ours):
        raise OwnOrigin(f"The base URL {base_url} is Easel's own address. Give the provider's address.")


def _origin(url: str) -> tuple[str, int | None]:
    """Host and port; all names of this machine's loopback are one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in LOOPBACK or host.endswith(".localhost"):
        host = "localhost"
    return host, parts.port or PORTS.get(parts.scheme)
