// OpenAI's own JavaScript client at Easel: draw, change, stream, and read what it cost.
//
//     npm install openai
//     EASEL_URL=http://localhost:8000 EASEL_KEY=easel_test_... node main.mjs [folder]

import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import OpenAI, { toFile } from "openai";

const MODEL = "gemini-2.5-flash-image";
const folder = process.argv[2] ?? ".";
const client = new OpenAI({
  baseURL: `${process.env.EASEL_URL.replace(/\/$/, "")}/openai/v1`,
  apiKey: process.env.EASEL_KEY,
});

async function keep(name, image) {
  const path = join(folder, name);
  await writeFile(path, Buffer.from(image, "base64"));
  console.log("wrote", path);
  return path;
}

for await (const model of client.models.list()) console.log("model:", model.id);

// A picture from words. aspect_ratio is Easel's; the client passes it on as it is.
const drawn = await client.images.generate({
  model: MODEL,
  prompt: "A lighthouse at dusk, watercolour",
  aspect_ratio: "16:9",
});
const path = await keep("drawn.png", drawn.data[0].b64_json);

// A picture from pictures: up to 16 of them.
const changed = await client.images.edit({
  model: MODEL,
  prompt: "The same lighthouse in the snow",
  image: [await toFile(createReadStream(path), "drawn.png", { type: "image/png" })],
  output_format: "webp",
});
await keep("changed.webp", changed.data[0].b64_json);

// Events: small previews, then the picture.
const events = await client.images.generate({
  model: MODEL,
  prompt: "A paper boat on a calm lake",
  stream: true,
  partial_images: 2,
});
for await (const event of events) {
  if (event.type === "image_generation.partial_image") {
    await keep(`watched-${event.partial_image_index}.png`, event.b64_json);
  } else if (event.type === "image_generation.completed") {
    await keep("watched.png", event.b64_json);
  }
}

// What went wrong is an exception; what was adjusted and what it cost are headers.
try {
  await client.images.generate({ model: MODEL, prompt: "A lamp", n: 11 });
} catch (error) {
  if (!(error instanceof OpenAI.BadRequestError)) throw error;
  console.log("refused:", error.message);
}
const { response } = await client.images
  .generate({ model: MODEL, prompt: "A lamp", size: "1792x1024" })
  .withResponse();
for (const name of ["x-easel-generation", "x-easel-tokens", "x-easel-cost-usd", "x-easel-adjusted"]) {
  console.log(`${name}: ${response.headers.get(name)}`);
}
