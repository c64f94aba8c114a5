"""Google's own Python client at Easel: draw, change in a conversation, mix pictures, stream.

pip install google-genai
EASEL_URL=http://localhost:8000 EASEL_KEY=easel_test_... python paint.py [folder]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from google import genai
from google.genai import errors, types

MODEL = "gemini-2.5-flash-image"
FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
URL = os.environ["EASEL_URL"].rstrip("/") + "/gemini"

client = genai.Client(api_key=os.environ["EASEL_KEY"], http_options=types.HttpOptions(base_url=URL))


def main() -> None:
    print("models:", ", ".join(model.name or "" for model in client.models.list()))
    lighthouse = converse(["A lighthouse at dusk, watercolour", "Now in the snow", "Add a red boat"])
    mix("The boat of this picture on a calm lake", lighthouse)
    watch("A paper boat")
    explain()


def converse(prompts: list[str]) -> Path:
    """Each turn changes the picture of the one before: the chat sends it along by itself."""
    shape = types.GenerateContentConfig(image_config=types.ImageConfig(aspect_ratio="3:2"))
    chat = client.chats.create(model=MODEL, config=shape)
    for number, prompt in enumerate(prompts, 1):
        path = keep(f"turn-{number}.png", chat.send_message(prompt))
    return path


def mix(prompt: str, picture: Path) -> Path:
    """A picture from pictures. Without an aspect ratio it takes the shape of the last one."""
    shown = types.Part.from_bytes(data=picture.read_bytes(), mime_type="image/png")
    return keep("mixed.png", client.models.generate_content(model=MODEL, contents=[shown, prompt]))


def watch(prompt: str) -> None:
    """A stream opens as soon as the price is held; its header names the generation."""
    for chunk in client.models.generate_content_stream(model=MODEL, contents=prompt):
        headers = chunk.sdk_http_response.headers if chunk.sdk_http_response else None
        print("generation", (headers or {}).get("x-easel-generation"))
        if chunk.parts:
            keep("watched.png", chunk)


def explain() -> None:
    """A blocked prompt is an answer without candidates; everything else that fails is an exception."""
    counted = client.models.count_tokens(model=MODEL, contents="A lamp")
    print("a lamp is", counted.total_tokens, "tokens, which cost nothing")
    try:
        client.models.generate_content(model="gemini-1.0-pro", contents="A lamp")
    except errors.ClientError as error:
        print(error.code, error.status, error.message)


def keep(name: str, answer: types.GenerateContentResponse) -> Path:
    """Write the picture of an answer, or say why there is none."""
    for part in answer.parts or []:
        if part.inline_data and part.inline_data.data:
            path = FOLDER / name
            path.write_bytes(part.inline_data.data)
            tokens = answer.usage_metadata.candidates_token_count if answer.usage_metadata else 0
            print("wrote", path, "for", tokens, "tokens")
            return path
    sys.exit(f"no picture: {answer.prompt_feedback or answer.candidates}")


main()
