"""Tokens that prove a link is ours, and encryption of the few secrets we must be able to read back.

Keys come as lists, newest first: the newest signs and encrypts, all of them verify and decrypt, so
that a key is changed by putting a new one in front. Link tokens hang on `EASEL_KEY_PEPPERS`, not on
`EASEL_SECRET_KEY`, which may rotate any time without breaking a link that a customer kept.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from runtime.errors import RuntimeProblem

TOKEN_BYTES = 18  # 144 bits: 24 letters without padding


class SecretUnreadable(RuntimeProblem):
    """A stored secret that none of the encryption keys opens: damaged, or its key was removed."""


class Signer:
    """Makes and checks tokens under the given secrets, newest first. Deterministic: the same parts
    give the same token for as long as the newest secret stays."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        if not secrets:
            raise ValueError("a Signer needs at least one secret")
        self._secrets = tuple(secrets)

    def token(self, purpose: str, *parts: object) -> str:
        """A URL-safe token of 24 letters over the purpose and the parts, each taken as text."""
        return _token(self._secrets[0], purpose, parts)

    def verify(self, token: str, purpose: str, *parts: object) -> bool:
        """Whether one of the secrets made this token for exactly this purpose and these parts."""
        # All secrets are tried, whichever matches: the time taken says nothing.
        given = token.encode("utf-8", "surrogatepass")
        expected = (_token(secret, purpose, parts).encode() for secret in self._secrets)
        return sum(hmac.compare_digest(given, made) for made in expected) > 0


def _token(secret: bytes, purpose: str, parts: Sequence[object]) -> str:
    message = b"".join(_framed(str(part)) for part in parts)
    # Not `hmac.digest`, which lets go of the interpreter's lock for these few bytes.
    digest = hmac.new(_derive(secret, f"token/{purpose}"), message, "sha256").digest()
    return base64.urlsafe_b64encode(digest[:TOKEN_BYTES]).decode()


def _framed(text: str) -> bytes:
    # Length first: ("ab", "c") and ("a", "bc") must not be one message.
    data = text.encode()
    return len(data).to_bytes(4, "big") + data


@lru_cache(maxsize=64)
def _derive(secret: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose: a key that leaks in one place opens nothing elsewhere."""
    return hmac.digest(secret, b"easel/" + purpose.encode(), hashlib.sha256)


class Vault:
    """Encrypts and decrypts short secrets under the given Fernet keys, newest first."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("a Vault needs at least one key")
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def encrypt(self, secret: str) -> str:
        """ASCII text that `decrypt` turns back; different each time."""
        return self._fernet.encrypt(secret.encode()).decode()

    def decrypt(self, text: str) -> str:
        """What was encrypted. Raises SecretUnreadable."""
        try:
            return self._fernet.decrypt(text.encode()).decode()
        except (InvalidToken, UnicodeError):
            raise SecretUnreadable(
                "A stored secret cannot be decrypted: was a key removed from EASEL_ENCRYPTION_KEYS?"
            ) from None


# ---- under the settings' keys ----------------------------------------------------------------


@lru_cache(maxsize=4)
def _signer(secrets: tuple[bytes, ...]) -> Signer:
    return Signer(secrets)


@lru_cache(maxsize=4)
def _vault(keys: tuple[str, ...]) -> Vault:
    return Vault(keys)


def token(purpose: str, *parts: object) -> str:
    """A link token under `EASEL_KEY_PEPPERS`: see `Signer.token`."""
    return _signer(tuple(settings.EASEL.key_peppers)).token(purpose, *parts)


def verify(token: str, purpose: str, *parts: object) -> bool:
    """Whether a link token is ours: see `Signer.verify`."""
    return _signer(tuple(settings.EASEL.key_peppers)).verify(token, purpose, *parts)


def encrypt(secret: str) -> str:
    """A small secret under the newest of `EASEL_ENCRYPTION_KEYS`, as ASCII text."""
    return _vault(tuple(settings.EASEL.encryption_keys)).encrypt(secret)


def decrypt(text: str) -> str:
    """What `encrypt` took. Raises SecretUnreadable."""
    return _vault(tuple(settings.EASEL.encryption_keys)).decrypt(text)
