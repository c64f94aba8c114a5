"""OpenAI's own Python client, 3.x or 1.x: does what it reads, line by line, and writes what came."""

import base64
import io
import json
import sys

import openai


def file_of(encoded, name):
    file = io.BytesIO(base64.b64decode(encoded))
    file.name = name
    return file


def said(asked, *names):
    return {name: asked[name] for name in names if name in asked}


def wanted(asked):
    return said(asked, "model", "prompt", "n", "size", "output_format", "background", "partial_images")


def told(answer):
    return {
        "images": [item.b64_json for item in answer.data],
        "tokens": answer.usage.output_tokens,
        "prompt_tokens": answer.usage.input_tokens,
        "size": getattr(answer, "size", None),
    }


def events(found):
    """Of each event what it is, and all final images."""
    listed = list(found)
    completed = [event for event in listed if event.type.endswith(".completed")]
    return {
        "events": [event.type for event in listed],
        "images": [event.b64_json for event in completed],
        "previews": [e.b64_json for e in listed if e.type.endswith(".partial_image")],
        "tokens": sum(event.usage.output_tokens for event in completed),
    }


def generate(client, asked):
    return told(client.images.generate(**wanted(asked)))


def edited(asked):
    files = [file_of(encoded, f"{number}.png") for number, encoded in enumerate(asked["pictures"])]
    mask = {"mask": file_of(asked["mask"], "mask.png")} if "mask" in asked else {}
    return wanted(asked) | {"image": files[0] if len(files) == 1 else files} | mask


def edit(client, asked):
    return told(client.images.edit(**edited(asked)))


def stream(client, asked):
    return events(client.images.generate(**wanted(asked), stream=True))


def stream_edit(client, asked):
    return events(client.images.edit(**edited(asked), stream=True))


def models(client, asked):
    return {"models": [model.id for model in client.models.list()]}


def model(client, asked):
    return {"model": client.models.retrieve(asked["model"]).id}


def variation(client, asked):
    return told(client.images.create_variation(image=file_of(asked["picture"], "a.png")))


def error(raised):
    return {
        "class": type(raised).__name__,
        "status": getattr(raised, "status_code", None),
        "type": raised.type,
        "code": raised.code,
        "param": raised.param,
        "message": raised.message,
    }


TASKS = {t.__name__: t for t in (generate, edit, stream, stream_edit, models, model, variation)}

for line in sys.stdin:
    asked = json.loads(line)
    try:
        client = openai.OpenAI(api_key=asked["key"], base_url=asked["url"] + "/openai/v1")
        answer = TASKS[asked["task"]](client, asked)
    except openai.APIError as raised:
        answer = {"error": error(raised)}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
