"""Google's own Python client, 3.x or 1.x: does what it reads, line by line, and writes what came."""

import base64
import json
import sys

from google import genai
from google.genai import errors, types


def client_of(asked):
    return genai.Client(
        api_key=asked["key"], http_options=types.HttpOptions(base_url=asked["url"] + "/gemini")
    )


def contents_of(asked):
    contents = [asked["prompt"]]
    if "picture" in asked:
        contents.append(types.Part.from_bytes(data=base64.b64decode(asked["picture"]), mime_type="image/png"))
    if "link" in asked:
        contents.append(types.Part.from_uri(file_uri=asked["link"], mime_type="image/png"))
    return contents


def config_of(asked):
    image = types.ImageConfig(aspect_ratio=asked.get("ratio"))
    return types.GenerateContentConfig(image_config=image, candidate_count=asked.get("count"))


def told(answers):
    """What one answer says, or the chunks of a stream together."""
    candidates = [candidate for answer in answers for candidate in answer.candidates or []]
    parts = [part for c in candidates if c.content for part in c.content.parts or []]
    usage = answers[-1].usage_metadata
    feedback = answers[-1].prompt_feedback
    return {
        "images": [base64.b64encode(p.inline_data.data).decode() for p in parts if p.inline_data],
        "words": "".join(p.text for p in parts if p.text),
        "reasons": [c.finish_reason.value for c in candidates if c.finish_reason],
        "blocked": feedback.block_reason.value if feedback and feedback.block_reason else None,
        "tokens": usage.candidates_token_count or 0 if usage else 0,
        "prompt_tokens": usage.prompt_token_count if usage else 0,
        "model": answers[-1].model_version,
        "id": answers[-1].response_id,
    }


def generate(client, asked):
    answer = client.models.generate_content(
        model=asked["model"], contents=contents_of(asked), config=config_of(asked)
    )
    return told([answer])


def stream(client, asked):
    chunks = client.models.generate_content_stream(
        model=asked["model"], contents=contents_of(asked), config=config_of(asked)
    )
    return told(list(chunks))


def chat(client, asked):
    chat = client.chats.create(model=asked["model"], config=config_of(asked))
    send = chat.send_message_stream if asked.get("streamed") else lambda words: [chat.send_message(words)]
    turns = [told(list(send(words))) for words in asked["prompts"]]
    return {"turns": turns, "remembered": [content.role for content in chat.get_history(curated=True)]}


def models(client, asked):
    config = {"page_size": asked["page_size"]}
    return {"models": [model.name for model in client.models.list(config=config)]}


def model(client, asked):
    found = client.models.get(model=asked["model"])
    return {"name": found.name, "limit": found.input_token_limit, "actions": found.supported_actions}


def count(client, asked):
    counted = client.models.count_tokens(model=asked["model"], contents=contents_of(asked))
    return {"tokens": counted.total_tokens}


def files(client, asked):
    return {"files": [file.name for file in client.files.list()]}


def error(raised):
    return {
        "type": type(raised).__name__,
        "code": raised.code,
        "status": raised.status,
        "message": raised.message,
    }


TASKS = {task.__name__: task for task in (generate, stream, chat, models, model, count, files)}

for line in sys.stdin:
    asked = json.loads(line)
    try:
        client = client_of(asked)
        answer = TASKS[asked["task"]](client, asked)
    except errors.APIError as raised:
        answer = {"error": error(raised)}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
