"""Have a picture of your own redrawn in EvoLink's words. Standard library only.

    export EASEL_URL=http://127.0.0.1:8000 EASEL_KEY=easel_test_...
    python restyle.py photo.png "The same scene as a watercolour"

Uploads the picture, submits a task that names it, polls, saves the results here as `result-1.png` and
so on, lists the latest tasks and tells what credit is left. EvoLink's own base URL would be
https://api.evolink.ai; here it is $EASEL_URL/evolink (or --base).
"""

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

MODEL = "gemini-2.5-flash-image"


class Evolink:
    """The few calls this program needs."""

    def __init__(self, base: str, key: str) -> None:
        self.base, self.key = base.rstrip("/"), key

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """One request; an error ends the program with the API's own sentence."""
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/json",
            **(headers or {}),
        }
        request = urllib.request.Request(self.base + path, data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return dict(json.load(response))
        except urllib.error.HTTPError as error:
            answer = json.loads(error.read() or b"{}")  # files say `msg`, all else says `error`
            sys.exit(f"{error.code}: {answer.get('msg') or answer['error']['message']}")

    def upload(self, picture: Path) -> str:
        """Keep a picture for three days; gives the URL that names it in `image_urls`."""
        boundary = uuid.uuid4().hex
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{picture.name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = head.encode() + picture.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        form = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return str(self.call("POST", "/api/v1/files/upload/stream", body, form)["data"]["file_url"])

    def submit(self, prompt: str, image: str) -> str:
        """The id of a new task. A repeat with the same Idempotency-Key would not be paid twice."""
        order = {"model": MODEL, "prompt": prompt, "size": "auto", "image_urls": [image]}
        once = {"Idempotency-Key": f"run_{uuid.uuid4().hex}"}
        task = self.call("POST", "/v1/images/generations", json.dumps(order).encode(), once)
        print(f"{task['id']}: {task['usage']['credits_reserved']} credits reserved")
        return str(task["id"])

    def wait(self, task_id: str) -> dict[str, Any]:
        """Ask every three seconds until the task is final."""
        for _ in range(100):
            task = self.call("GET", f"/v1/tasks/{task_id}")
            print(f"{task_id}: {task['status']}, {task['progress']} %")
            if task["status"] == "completed":
                return task
            if task["status"] == "failed":
                sys.exit(f"{task['error']['code']}: {task['error']['message']}")
            time.sleep(3)
        sys.exit(f"{task_id} is not ready after five minutes; ask for it later")


def save(task: dict[str, Any]) -> None:
    """The results as files. Their links need no key and open for 24 hours."""
    for number, url in enumerate(task["results"], 1):
        name = f"result-{number}.png"
        with urllib.request.urlopen(url, timeout=60) as response:
            Path(name).write_bytes(response.read())
        print(f"{name}: saved")
    print(f"{task['usage']['credits_used']} credits used")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("prompt", nargs="?", default="The same scene as a watercolour")
    parser.add_argument("--base", default=os.environ.get("EASEL_URL", "").rstrip("/") + "/evolink")
    parser.add_argument("--key", default=os.environ.get("EASEL_KEY", ""))
    asked = parser.parse_args()
    api = Evolink(asked.base, asked.key)
    save(api.wait(api.submit(asked.prompt, api.upload(asked.picture))))
    for task in api.call("GET", "/v1/tasks?status=completed&page_size=5")["data"]:
        print(f"{task['id']}: {task['result_count']} pictures, {task['credits_used']} credits")
    left = api.call("GET", "/v1/credits")["data"]["user"]
    print(f"left: {left['remaining_credits']} credits")


if __name__ == "__main__":
    main()
