"""Draw a picture in GMI Cloud's words, then change it in the same conversation. Standard library only.

    export EASEL_URL=http://127.0.0.1:8000 EASEL_KEY=easel_test_...
    python converse.py "A red lamp on a desk" "Make it blue" "Now by night"

Every answer holds `next_turn_contents`: the conversation so far, and an empty turn at its end. The
next request is a copy of it with that turn filled in; the model then sees what it drew before. Saves
`turn-1.png`, `turn-2.png`, ... GMI Cloud's own base URL would be https://console.gmicloud.ai; here it
is $EASEL_URL/gmi.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

QUEUE = os.environ["EASEL_URL"].rstrip("/") + "/gmi/api/v1/ie/requestqueue/apikey"
KEY = os.environ["EASEL_KEY"]
MODEL = "gemini-2.5-flash-image"
FINAL = ("success", "failed", "cancelled")


def call(method: str, path: str, body: Any = None) -> dict[str, Any]:
    """One request; an error ends the program with the API's own sentence."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(QUEUE + path, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return dict(json.load(response))
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.code}: {json.loads(error.read() or b'{}').get('error')}")


def draw(payload: dict[str, Any]) -> dict[str, Any]:
    """The record of a new request, when it is final. The first answer may be final already."""
    record = call("POST", "/requests", {"model": MODEL, "payload": payload})
    for _ in range(120):
        if record["status"] in FINAL:
            break
        time.sleep(1)
        record = call("GET", f"/requests/{record['request_id']}")
    if record["status"] != "success":
        sys.exit(f"{record['request_id']}: {record['status']}: {(record['outcome'] or {}).get('error')}")
    return record


def say(record: dict[str, Any], words: str) -> list[dict[str, Any]]:
    """The conversation of an answer, with its last turn filled in. A `fileUri` left empty is dropped."""
    contents: list[dict[str, Any]] = record["outcome"]["next_turn_contents"]
    contents[-1]["parts"][0]["text"] = words
    return contents


def save(record: dict[str, Any], name: str) -> None:
    """The picture of a request as a file. Its link needs no key."""
    with urllib.request.urlopen(record["outcome"]["media_urls"][0]["url"], timeout=60) as response:
        Path(name).write_bytes(response.read())
    print(f"{name}: ${record['outcome']['request_usage']['cost_usd']}")


def main() -> None:
    prompt, *changes = sys.argv[1:] or ["A red lamp on a desk", "Make it blue"]
    record = draw({"prompt": prompt, "aspect_ratio": "4:5"})
    save(record, "turn-1.png")
    for number, change in enumerate(changes, start=2):
        record = draw({"contents": say(record, change)})
        save(record, f"turn-{number}.png")


if __name__ == "__main__":
    main()
