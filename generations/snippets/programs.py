"""Programs around one request, which run as pasted: nothing to install, the key in `EASEL_KEY`.

JSON as it is written here is a literal of Python and of JavaScript too: it holds strings, numbers,
lists, objects and, where a part is a thought, a `true` that Python is given as its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

from generations.snippets.bodies import Call


@dataclass(frozen=True, slots=True)
class Program:
    """One snippet in one language."""

    language: str
    title: str
    code: str


@dataclass(frozen=True, slots=True)
class Answers:
    """How a door tells of the end: `poll` is the path of the task (`{id}`), the member of the answer
    that holds the `id`, the words that end it; `shows` is where its links are, in JavaScript and Python.
    Without a `poll` the answer itself holds the pictures, as base64 in the member `data`."""

    poll: str = ""
    id: str = "id"
    ends: tuple[str, ...] = ()
    javascript: str = ""
    python: str = ""
    data: str = ""


_OPENAI = Answers(
    javascript='answer.data.map((image) => Buffer.from(image.b64_json, "base64"))',
    python='[base64.b64decode(image["b64_json"]) for image in answer["data"]]',
    data="b64_json",
)
_GEMINI = Answers(
    javascript="""(answer.candidates ?? [])
  .flatMap((candidate) => candidate.content?.parts ?? [])
  .filter((part) => part.inlineData)
  .map((part) => Buffer.from(part.inlineData.data, "base64"))""",
    python="""[
    base64.b64decode(part["inlineData"]["data"])
    for candidate in answer.get("candidates", [])
    for part in candidate.get("content", {}).get("parts", [])
    if "inlineData" in part
]""",
    data="data",
)
ANSWERS: Final[Mapping[str, Answers]] = {
    "openai": _OPENAI,
    "gemini": _GEMINI,
    "evolink": Answers(
        "/evolink/v1/tasks/{id}",
        ends=("completed", "failed"),
        javascript="answer.results ?? answer.error",
        python='answer.get("results") or answer["error"]',
    ),
    "toapis": Answers(
        "/toapis/v1/images/generations/{id}",
        ends=("completed", "failed"),
        javascript="answer.url ?? answer.error",
        python='answer.get("url") or answer["error"]',
    ),
    "gmi": Answers(
        "/gmi/api/v1/ie/requestqueue/apikey/requests/{id}",
        id="request_id",
        ends=("success", "failed", "cancelled"),
        javascript="answer.outcome.media_urls ?? answer.outcome.error",
        python='answer["outcome"].get("media_urls") or answer["outcome"]["error"]',
    ),
}


def programs(door: str, call: Call) -> tuple[Program, ...]:
    """curl, Python and JavaScript of one request."""
    answers = ANSWERS[door]
    return tuple(Program(language, title, write(call, answers)) for language, title, write in LANGUAGES)


WIDTH: Final = 84


def _json(body: Any, before: int = 0, indent: int = 0) -> str:
    """What fits on a line stands on one; `before` is what stands left of it there."""
    flat = json.dumps(body, ensure_ascii=False)
    if len(flat) + before + indent <= WIDTH or not isinstance(body, dict | list) or not body:
        return flat
    inner = " " * (indent + 2)
    if isinstance(body, list):
        lines = [_json(item, 0, indent + 2) for item in body]
    else:
        names = {name: json.dumps(name, ensure_ascii=False) for name in body}
        lines = [f"{names[name]}: {_json(body[name], len(names[name]) + 2, indent + 2)}" for name in body]
    opens, closes = "[]" if isinstance(body, list) else "{}"
    return f"{opens}\n{inner}" + f",\n{inner}".join(lines) + f"\n{' ' * indent}{closes}"


def _quoted(text: str) -> str:
    """For a shell."""
    return "'" + text.replace("'", "'\\''") + "'"


def _curl(call: Call, answers: Answers) -> str:
    lines = [
        f"curl -sS --fail-with-body {settings.EASEL.url}{call.path} \\",
        '  -H "Authorization: Bearer $EASEL_KEY" \\',
        '  -H "Content-Type: application/json" \\',
        f"  -d {_quoted(_json(call.body))}",
    ]
    if not answers.poll:
        pattern = rf's/.*"{answers.data}":"\([^"]*\)".*/\1/p'
        lines[-1] += f" \\\n  | sed -n '{pattern}' | base64 -d > picture.png"
        several = ["# The answer holds all pictures; this keeps the last of them."] if _several(call) else []
        return "\n".join([*several, *lines])
    path = answers.poll.format(id=answers.id.upper())
    ends = " or ".join(answers.ends)
    look = f'curl -sS {settings.EASEL.url}{path} -H "Authorization: Bearer $EASEL_KEY"'
    return "\n".join(
        [*lines, "", f"# Then, with the {answers.id} it answers, until it is {ends}:", f"# {look}"]
    )


def _several(call: Call) -> bool:
    config = call.body.get("generationConfig", {})
    return bool(max(call.body.get("n", 1), config.get("candidateCount", 1)) > 1)


def _python(call: Call, answers: Answers) -> str:
    body = _json(call.body).replace('"thought": true', '"thought": True')
    polls = bool(answers.poll)
    imports = ["json", "os", "urllib.request", "time" if polls else "base64"]
    lines = [f"import {name}" for name in sorted(imports)]
    lines += [
        *([] if polls else ["from pathlib import Path"]),
        "",
        f'BASE = "{settings.EASEL.url}"',
        "HEADERS = {",
        '    "Authorization": "Bearer " + os.environ["EASEL_KEY"],',
        '    "Content-Type": "application/json",',
        "}",
        "",
        "",
        "def call(path, body=None):",
        "    data = json.dumps(body).encode() if body else None",
        "    with urllib.request.urlopen(urllib.request.Request(BASE + path, data, HEADERS)) as answer:",
        "        return json.load(answer)",
        "",
        "",
        f'answer = call("{call.path}", {body})',
    ]
    if polls:
        path = answers.poll.replace("{id}", "")
        lines += [
            f'while answer["status"] not in {_json(list(answers.ends))}:',
            "    time.sleep(1)",
            f'    answer = call("{path}" + answer["{answers.id}"])',
            f"print({answers.python})",
        ]
    else:
        lines += [
            f"pictures = {answers.python}",
            "for number, picture in enumerate(pictures, 1):",
            '    Path(f"picture-{number}.png").write_bytes(picture)',
            'print(len(pictures), "pictures")',
        ]
    return "\n".join(lines)


def _javascript(call: Call, answers: Answers) -> str:
    polls = bool(answers.poll)
    lines = [
        "// Save this as picture.mjs, then: node picture.mjs",
        *([] if polls else ['import { writeFile } from "node:fs/promises";', ""]),
        f'const base = "{settings.EASEL.url}";',
        "const headers = {",
        "  Authorization: `Bearer ${process.env.EASEL_KEY}`,",
        '  "Content-Type": "application/json",',
        "};",
        "",
        "async function call(path, body) {",
        '  const order = body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers };',
        "  const answer = await fetch(base + path, order);",
        "  if (!answer.ok) throw new Error(await answer.text());",
        "  return answer.json();",
        "}",
        "",
        f'{"let" if polls else "const"} answer = await call("{call.path}", {_json(call.body)});',
    ]
    if polls:
        path = answers.poll.replace("{id}", f"${{answer.{answers.id}}}")
        lines += [
            f"while (!{_json(list(answers.ends))}.includes(answer.status)) {{",
            "  await new Promise((done) => setTimeout(done, 1000));",
            f"  answer = await call(`{path}`);",
            "}",
            f"console.log({answers.javascript});",
        ]
    else:
        lines += [
            f"const pictures = {answers.javascript};",
            "for (const [place, picture] of pictures.entries()) {",
            "  await writeFile(`picture-${place + 1}.png`, picture);",
            "}",
            'console.log(pictures.length, "pictures");',
        ]
    return "\n".join(lines)


LANGUAGES: Final[tuple[tuple[str, str, Callable[[Call, Answers], str]], ...]] = (
    ("curl", "curl", _curl),
    ("python", "Python", _python),
    ("javascript", "JavaScript", _javascript),
)
