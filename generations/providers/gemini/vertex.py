"""Vertex AI: the same models under a project's address, called with tokens of a service account.

The account's credential is the service account's JSON key; its options are `project` and `location`
(`global` unless told). A token lasts an hour and is fetched anew five minutes before it ends.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from google.auth import crypt, jwt
from yarl import URL

from generations.errors import ProviderError
from generations.provider import Account
from generations.provider.failures import EXCERPT, Malformed, Unusable
from generations.provider.wire import Answer, Wire, origin, parsed
from generations.providers.gemini.place import EVERYWHERE, VERTEX_VERSION, address, base, page
from generations.spec import Kind

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_ADDRESS = "https://oauth2.googleapis.com/token"  # noqa: S105  an address
LIFETIME, MARGIN = 3600, 300  # seconds


class Vertex:
    """A project's models. Raises Unusable for a credential that is no service account's key."""

    def __init__(self, account: Account, wire: Wire) -> None:
        project = quote(account.option("project"), safe="-._~:")
        location = account.option("location") or EVERYWHERE
        host = "" if location == EVERYWHERE else f"{quote(location, safe='-')}-"
        usual = f"https://{host}aiplatform.googleapis.com"
        where = f"projects/{project}/locations/{quote(location, safe='-')}/publishers/google/models"
        self._models = f"{base(account, usual).removesuffix(f'/{VERTEX_VERSION}')}/{VERTEX_VERSION}/{where}"
        self._robot, self._wire = _Robot(account.api_key), wire
        self._token, self._ends_at = "", 0.0
        self._fetching = asyncio.Lock()

    def address(self, model: str) -> URL:
        return address(self._models, model)

    def page(self, model: str) -> URL:
        return page(self._models, model)

    async def name(self, ends: float) -> Mapping[str, str]:
        async with self._fetching:
            if time.monotonic() > self._ends_at - MARGIN:
                await self._fetch(ends)
        return {"Authorization": f"Bearer {self._token}"}

    async def _fetch(self, ends: float) -> None:
        """A new token. Raises ProviderError, and what the wire raises."""
        assertion = await asyncio.to_thread(self._robot.assertion)
        body = urlencode({"grant_type": GRANT, "assertion": assertion}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        began = time.monotonic()
        told = _token(await self._wire.post(self._robot.address, body, headers, ends))
        self._token, self._ends_at = str(told["access_token"]), began + int(told.get("expires_in", LIFETIME))


def _token(told: Answer) -> Mapping[str, Any]:
    if 400 <= told.status < 500 and told.status != 429:
        words = told.body[:EXCERPT].decode(errors="replace")
        raise ProviderError(Kind.MISCONFIGURED, f"the service account got no token: {told.status} {words}")
    if told.status != 200:
        raise Malformed(f"the token address answered {told.status}")
    read = parsed(told.body)
    if not isinstance(read, dict) or not read.get("access_token"):
        raise Malformed("the token address gave no token")
    return read


class _Robot:
    """A service account, which proves who it is by its signature."""

    def __init__(self, credential: str) -> None:
        try:
            self._told = json.loads(credential)
            self._signer = crypt.RSASigner.from_service_account_info(self._told)  # type: ignore[no-untyped-call]  # of a library without types
            self._mail = str(self._told["client_email"])
            self.address = URL(origin(str(self._told.get("token_uri") or ""), TOKEN_ADDRESS))
        except (ValueError, KeyError, TypeError, AttributeError):
            text = "the channel's credential is not the JSON key of a Google service account"
            raise Unusable(text) from None  # the cause may quote it

    def assertion(self) -> str:
        """A signed statement of who asks for what, good for an hour."""
        now = int(time.time())
        claims = {
            "iss": self._mail,
            "scope": SCOPE,
            "aud": str(self.address),
            "iat": now,
            "exp": now + LIFETIME,
        }
        signed: bytes = jwt.encode(self._signer, claims)  # type: ignore[no-untyped-call]  # of a library without types
        return signed.decode()
