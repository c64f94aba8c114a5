"""Draw a picture in ToAPIs' words, then have it changed. Standard library only.

    export EASEL_URL=http://127.0.0.1:8000 EASEL_KEY=easel_test_...
    python draw.py "A red lamp on a desk" "Now it is night"

Saves `first.png` and `second.png` here and prints what each cost. ToAPIs' own base URL would be
https://toapis.com; here it is $EASEL_URL/toapis.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

BASE = os.environ["EASEL_URL"].rstrip("/") + "/toapis"
KEY = os.environ["EASEL_KEY"]
MODEL = "gemini-2.5-flash-image-official"


def call(method: str, path: str, body: bytes | None = None, mime: str = "application/json") -> dict[str, Any]:
    """One request; an error ends the program with the API's own sentence."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": mime}
    request = urllib.request.Request(BASE + path, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        answer = json.loads(error.read() or b"{}")
        problem = answer.get("error") or {"message": answer.get("message")}
        sys.exit(f"{error.code}: {problem['message']}")
    if answer.get("success") is False:  # uploads and balances may say no with HTTP 200
        sys.exit(answer["message"])
    return dict(answer)


def submit(prompt: str, references: list[str]) -> str:
    """The id of a new task."""
    order = {"model": MODEL, "prompt": prompt, "size": "16:9", "n": 1, "image_urls": references}
    return str(call("POST", "/v1/images/generations", json.dumps(order).encode())["id"])


def wait(task: str) -> dict[str, Any]:
    """Ask until the task is final: first after 2 s, then every 3 s."""
    time.sleep(2)
    for _ in range(40):
        found = call("GET", f"/v1/images/generations/{task}")
        print(f"{task}: {found['status']} {found['progress']} %")
        if found["status"] == "completed":
            return found
        if found["status"] == "failed":
            sys.exit(f"{task} failed: {found['error']['message']}")
        time.sleep(3)
    sys.exit(f"{task} is not ready after two minutes; ask for it later")


def save(task: dict[str, Any], name: str) -> bytes:
    """The picture of a completed task, as a file too. Its link needs no key."""
    with urllib.request.urlopen(task["url"], timeout=60) as response:
        data: bytes = response.read()
    Path(name).write_bytes(data)
    print(f"{name}: {len(data)} bytes for {task['billing']['credits']} credits")
    return data


def upload(data: bytes, name: str) -> str:
    """Keep a file of one's own with the API; gives the URL that names it in `image_urls`."""
    boundary = uuid.uuid4().hex
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: image/png\r\n\r\n"
    )
    body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
    answer = call("POST", "/v1/uploads/images", body, f"multipart/form-data; boundary={boundary}")
    return str(answer["data"]["url"])


def main() -> None:
    prompt, change = [*sys.argv[1:], "A red lamp on a desk", "Now it is night"][:2]
    first = save(wait(submit(prompt, [])), "first.png")
    reference = upload(first, "first.png")
    save(wait(submit(change, [reference])), "second.png")
    left = call("GET", "/v1/user/balance")
    print(f"left: {left['remain_credits']} credits")


if __name__ == "__main__":
    main()
