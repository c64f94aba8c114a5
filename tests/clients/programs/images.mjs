// OpenAI's own JavaScript client: does what it reads, line by line, and writes what came.

import { createInterface } from "node:readline";
import OpenAI, { toFile } from "openai";

const FIELDS = ["model", "prompt", "n", "size", "output_format", "background", "partial_images"];

function wanted(asked) {
  return Object.fromEntries(FIELDS.filter((name) => name in asked).map((name) => [name, asked[name]]));
}

function fileOf(encoded, name) {
  return toFile(Buffer.from(encoded, "base64"), name, { type: "image/png" });
}

async function edited(asked) {
  const files = await Promise.all(asked.pictures.map((encoded, number) => fileOf(encoded, `${number}.png`)));
  const mask = asked.mask ? { mask: await fileOf(asked.mask, "mask.png") } : {};
  return { ...wanted(asked), image: files.length === 1 ? files[0] : files, ...mask };
}

function told(answer) {
  return {
    images: answer.data.map((item) => item.b64_json),
    tokens: answer.usage.output_tokens,
    prompt_tokens: answer.usage.input_tokens,
    size: answer.size ?? null,
  };
}

// Of each event what it is, and all final images.
async function events(found) {
  const listed = [];
  for await (const event of found) listed.push(event);
  const completed = listed.filter((event) => event.type.endsWith(".completed"));
  return {
    events: listed.map((event) => event.type),
    images: completed.map((event) => event.b64_json),
    previews: listed.filter((e) => e.type.endsWith(".partial_image")).map((e) => e.b64_json),
    tokens: completed.reduce((sum, event) => sum + event.usage.output_tokens, 0),
  };
}

const TASKS = {
  generate: async (client, asked) => told(await client.images.generate(wanted(asked))),
  edit: async (client, asked) => told(await client.images.edit(await edited(asked))),
  stream: async (client, asked) => events(await client.images.generate({ ...wanted(asked), stream: true })),
  stream_edit: async (client, asked) =>
    events(await client.images.edit({ ...(await edited(asked)), stream: true })),
  async models(client) {
    const models = [];
    for await (const model of client.models.list()) models.push(model.id);
    return { models };
  },
  model: async (client, asked) => ({ model: (await client.models.retrieve(asked.model)).id }),
  variation: async (client, asked) =>
    told(await client.images.createVariation({ image: await fileOf(asked.picture, "a.png") })),
};

function error(raised) {
  const { status, type, code, param, message } = raised;
  return {
    class: raised.constructor.name,
    status: status ?? null,
    type: type ?? null,
    code: code ?? null,
    param: param ?? null,
    message,
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  const client = new OpenAI({ apiKey: asked.key, baseURL: `${asked.url}/openai/v1` });
  let answer;
  try {
    answer = await TASKS[asked.task](client, asked);
  } catch (raised) {
    if (!(raised instanceof OpenAI.APIError)) throw raised;
    answer = { error: error(raised) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
