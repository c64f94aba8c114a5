"""The secrets of a development machine: made once, random, in one private file."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from runtime import embedded


@dataclass(frozen=True, slots=True)
class Secrets:
    """Session key, API-key peppers, Fernet keys, seal keys; lists newest first."""

    secret_key: str = ""
    key_peppers: tuple[bytes, ...] = ()
    encryption_keys: tuple[str, ...] = ()
    seal_keys: tuple[bytes, ...] = ()


def made_secrets(data: Path) -> Secrets:
    """The secrets in `data/secrets.json`, which is made (0600) if it is not there.

    Many processes may come at once: one file wins and all read that one. Raises EmbeddedProblem when
    the folder cannot be made.
    """
    file = data / "secrets.json"
    if not file.exists():
        _make(file)
    found = json.loads(file.read_text())
    return Secrets(
        secret_key=found["secret_key"],
        key_peppers=(found["key_pepper"].encode(),),
        encryption_keys=(found["encryption_key"],),
        seal_keys=(found["seal_key"].encode(),),
    )


def _make(file: Path) -> None:
    embedded.make_data_directory(file.parent)
    made = {
        "secret_key": secrets.token_urlsafe(48),
        "key_pepper": secrets.token_urlsafe(32),
        "encryption_key": Fernet.generate_key().decode(),
        "seal_key": secrets.token_urlsafe(32),
    }
    draft = file.with_name(f"secrets.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        json.dump(made, handle, indent=1)
    with contextlib.suppress(FileExistsError):
        os.link(draft, file)  # complete or not there, and never over another's
    draft.unlink()
