"""Vertex AI's side of the stub: a service account, and the address where it gets its tokens."""

from __future__ import annotations

import json
import time
from functools import lru_cache
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt

MAIL = "painter@easel-test.iam.gserviceaccount.com"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
PROJECT = "easel-test"


@lru_cache(maxsize=1)
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def credential(url: str) -> str:
    """The JSON key of the service account, whose tokens come from the stub at `url`."""
    pem = _key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    told = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "1",
        "private_key": pem.decode(),
        "client_email": MAIL,
        "token_uri": f"{url}/token",
    }
    return json.dumps(told)


class Robots:
    """Gives out tokens against signed statements, as strictly as Google."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.lifetime = 3600

    async def give(self, request: web.Request) -> web.Response:
        form = await request.post()
        if form.get("grant_type") != GRANT:
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        if problem := self._problem(str(form.get("assertion")), str(request.url)):
            return web.json_response({"error": "invalid_grant", "error_description": problem}, status=400)
        self.tokens.append(f"ya29.stub-{len(self.tokens)}")
        return web.json_response(
            {"access_token": self.tokens[-1], "expires_in": self.lifetime, "token_type": "Bearer"}
        )

    def _problem(self, assertion: str, address: str) -> str:
        public = (
            _key()
            .public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        try:
            claims: dict[str, Any] = dict(jwt.decode(assertion, certs=public, audience=address))  # type: ignore[no-untyped-call]
        except ValueError as error:
            return str(error)
        if (claims.get("iss"), claims.get("scope")) != (MAIL, SCOPE):
            return "wrong issuer or scope"
        return "" if claims["exp"] <= time.time() + 3601 else "too long a life"

    def knows(self, request: web.Request) -> bool:
        """Whether the request carries the newest token and no API key."""
        name = request.headers.get("Authorization", "")
        return bool(self.tokens) and name == f"Bearer {self.tokens[-1]}"
