"""Everything one organization can own, and how each of it is named in an address."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from typing import Any

import httpx2
from PIL import Image

from generations import handles
from runtime import ids
from tests.api.conftest import MANAGE
from tests.api.office import Office
from tests.cast import Cast
from tests.flows.wire import CLIENT, EVOLINK, MODEL, OPENAI, eventually


@dataclass
class Estate:
    """Ids of what is there: `named` by the name of the parameter that an address has for it."""

    cast: Cast
    url: str
    named: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @classmethod
    def settle(cls, cast: Cast, url: str) -> Estate:
        cast.credit(9)
        estate = cls(cast, url)
        office, key = Office(url, cast.key(scopes=MANAGE)), cast.key()
        estate._generate(key)
        estate._upload(key)
        estate._manage(office, key)
        return estate

    def _generate(self, key: str) -> None:
        answer = OPENAI.post(self.url, key)
        assert answer.status_code == 200, answer.text
        generation = answer.headers["x-easel-generation"]
        task = EVOLINK.post(self.url, key, EVOLINK.order("test:slow=300")).json()["id"]
        self.named |= {"generation": generation, "task": task}

    def _upload(self, key: str) -> None:
        picture = io.BytesIO()
        Image.new("RGB", (64, 64), "teal").save(picture, "PNG")
        data = f"data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}"
        answer = CLIENT.post(
            f"{self.url}/evolink/api/v1/files/upload/base64",
            json={"base64_data": data},
            headers={"Authorization": f"Bearer {key}"},
        )
        assert answer.status_code == 200, answer.text
        self.named["file_id"] = answer.json()["data"]["file_id"]

    def _manage(self, office: Office, key: str) -> None:
        made = office.do("POST", "keys", {"name": "Ours"}, 201)
        budget = office.do("PUT", "budgets", {"period": "day", "limit_usd": "100"})
        webhook = office.do(
            "POST", "webhooks", {"url": "https://hooks.invalid/", "events": ["generation.failed"]}, 201
        )
        office.do("POST", f"webhooks/{webhook['id']}/ping", status=204)
        batch = Office(self.url, key).send(
            "POST",
            "batches",
            content=b'{"body": {"model": "%s", "prompt": "A fox"}}\n' % MODEL.encode(),
            headers={"Content-Type": "application/jsonl"},
        )
        call = eventually(lambda: office.get("requests", generation=self.named["generation"])["data"])[0]
        self.named |= {
            "key": made["id"],
            "user": str(self.cast.viewer.pk),
            "budget": budget["id"],
            "webhook": webhook["id"],
            "delivery": office.get("deliveries")["data"][0]["id"],
            "batch": batch.json()["id"],
            "call": call["id"],
        }

    def forms(self) -> dict[str, str]:
        """The generation's id in the words of each door."""
        identifier = handles.parse(self.named["generation"])
        assert identifier is not None
        assert identifier.id is not None
        return {
            "evolink": self.named["task"],
            "openai": str(identifier.id),
            "toapis": handles.toapis(identifier.id),
            "gemini": handles.gemini(identifier.id),
            "gmi": handles.gmi(identifier.id),
        }


def unknown_forms() -> dict[str, str]:
    """The same of a generation that never was."""
    identifier = ids.uuid7()
    return {
        "evolink": handles.evolink(identifier, ids.word(8, ids.BASE36)),
        "openai": str(identifier),
        "toapis": handles.toapis(identifier),
        "gemini": handles.gemini(identifier),
        "gmi": handles.gmi(identifier),
    }


def told(answer: httpx2.Response, named: str) -> tuple[Any, ...]:
    """What an answer says, without the name it was asked by."""
    return answer.status_code, answer.headers.get("content-type"), answer.text.replace(named, "<id>")
