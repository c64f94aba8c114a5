// Google's own JavaScript client at Easel: draw, change in a conversation, mix pictures, stream.
//
//     npm install @google/genai
//     EASEL_URL=http://localhost:8000 EASEL_KEY=easel_test_... node paint.mjs [folder]

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ApiError, GoogleGenAI } from "@google/genai";

const model = "gemini-2.5-flash-image";
const folder = process.argv[2] ?? ".";
const client = new GoogleGenAI({
  apiKey: process.env.EASEL_KEY,
  httpOptions: { baseUrl: `${process.env.EASEL_URL.replace(/\/$/, "")}/gemini` },
});

// Write the picture of an answer, or say why there is none.
async function keep(name, answer) {
  const part = answer.candidates?.[0]?.content?.parts?.find((part) => part.inlineData);
  if (!part) throw new Error(`no picture: ${JSON.stringify(answer.promptFeedback ?? answer.candidates)}`);
  const path = join(folder, name);
  await writeFile(path, Buffer.from(part.inlineData.data, "base64"));
  console.log("wrote", path, "for", answer.usageMetadata.candidatesTokenCount, "tokens");
  return path;
}

for await (const each of await client.models.list()) console.log("model:", each.name);

// Each turn changes the picture of the one before: the chat sends it along by itself.
const chat = client.chats.create({ model, config: { imageConfig: { aspectRatio: "3:2" } } });
let path;
let turn = 0;
for (const message of ["A lighthouse at dusk, watercolour", "Now in the snow", "Add a red boat"]) {
  turn += 1;
  path = await keep(`turn-${turn}.png`, await chat.sendMessage({ message }));
}

// A picture from pictures. Without an aspect ratio it takes the shape of the last one.
const data = (await readFile(path)).toString("base64");
const contents = [
  { inlineData: { mimeType: "image/png", data } },
  { text: "The boat of this picture on a calm lake" },
];
await keep("mixed.png", await client.models.generateContent({ model, contents }));

// A stream opens as soon as the price is held; its header names the generation.
for await (const chunk of await client.models.generateContentStream({ model, contents: "A paper boat" })) {
  console.log("generation", chunk.sdkHttpResponse?.headers?.["x-easel-generation"]);
  if (chunk.candidates?.[0]?.content) await keep("watched.png", chunk);
}

// A blocked prompt is an answer without candidates; everything else that fails is an exception.
const { totalTokens } = await client.models.countTokens({ model, contents: "A lamp" });
console.log("a lamp is", totalTokens, "tokens, which cost nothing");
try {
  await client.models.generateContent({ model: "gemini-1.0-pro", contents: "A lamp" });
} catch (error) {
  if (!(error instanceof ApiError)) throw error;
  console.log(error.status, error.message);
}
