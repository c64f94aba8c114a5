// Google's own JavaScript client: does what it reads, line by line, and writes what came.

import { createInterface } from "node:readline";
import { ApiError, GoogleGenAI } from "@google/genai";

function clientOf(asked) {
  return new GoogleGenAI({ apiKey: asked.key, httpOptions: { baseUrl: `${asked.url}/gemini` } });
}

function contentsOf(asked) {
  const parts = [{ text: asked.prompt }];
  if (asked.picture) parts.push({ inlineData: { mimeType: "image/png", data: asked.picture } });
  if (asked.link) parts.push({ fileData: { mimeType: "image/png", fileUri: asked.link } });
  return [{ role: "user", parts }];
}

function configOf(asked) {
  return { imageConfig: { aspectRatio: asked.ratio }, candidateCount: asked.count };
}

// What one answer says, or the chunks of a stream together.
function told(answers) {
  const candidates = answers.flatMap((answer) => answer.candidates ?? []);
  const parts = candidates.flatMap((candidate) => candidate.content?.parts ?? []);
  const last = answers.at(-1);
  return {
    images: parts.filter((part) => part.inlineData).map((part) => part.inlineData.data),
    words: parts.map((part) => part.text ?? "").join(""),
    reasons: candidates.map((candidate) => candidate.finishReason).filter(Boolean),
    blocked: last.promptFeedback?.blockReason ?? null,
    tokens: last.usageMetadata?.candidatesTokenCount ?? 0,
    prompt_tokens: last.usageMetadata?.promptTokenCount ?? 0,
    model: last.modelVersion,
    id: last.responseId,
  };
}

async function all(chunks) {
  const found = [];
  for await (const chunk of chunks) found.push(chunk);
  return found;
}

const TASKS = {
  async generate(client, asked) {
    const { model } = asked;
    const request = { model, contents: contentsOf(asked), config: configOf(asked) };
    return told([await client.models.generateContent(request)]);
  },
  async stream(client, asked) {
    const { model } = asked;
    const request = { model, contents: contentsOf(asked), config: configOf(asked) };
    return told(await all(await client.models.generateContentStream(request)));
  },
  async chat(client, asked) {
    const chat = client.chats.create({ model: asked.model, config: configOf(asked) });
    const turns = [];
    for (const message of asked.prompts) {
      const answers = asked.streamed
        ? await all(await chat.sendMessageStream({ message }))
        : [await chat.sendMessage({ message })];
      turns.push(told(answers));
    }
    return { turns, remembered: chat.getHistory(true).map((content) => content.role) };
  },
  async models(client, asked) {
    const models = await all(await client.models.list({ config: { pageSize: asked.page_size } }));
    return { models: models.map((model) => model.name) };
  },
  async model(client, asked) {
    const found = await client.models.get({ model: asked.model });
    return { name: found.name, limit: found.inputTokenLimit, actions: found.supportedActions };
  },
  async count(client, asked) {
    const counted = await client.models.countTokens({ model: asked.model, contents: contentsOf(asked) });
    return { tokens: counted.totalTokens };
  },
  async files(client) {
    return { files: (await all(await client.files.list())).map((file) => file.name) };
  },
};

// The client gives the status, and the body as text; after some words, if it came in a stream.
function error(raised) {
  const body = raised.message.slice(raised.message.indexOf("{"));
  const { code, status, message } = JSON.parse(body).error;
  return { type: raised.name, code: raised.status ?? code, status, message };
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let answer;
  try {
    answer = await TASKS[asked.task](clientOf(asked), asked);
  } catch (raised) {
    if (!(raised instanceof ApiError)) throw raised;
    answer = { error: error(raised) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
