// OpenAI's own JavaScript client against inkling-serve, unchanged: chat, streams, streams that are left, tools,
// structured output, errors.
//
// usage: node serve_openai_test.mjs FOLDER_WITH_NODE_MODULES PORT; serve_openai_test.py runs it. The model has a template with tools.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const [folder, port] = process.argv.slice(2);
const { OpenAI } = createRequire(`${folder}/`)("openai");
const client = new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: "none", maxRetries: 0 });

const question = { role: "user", content: "Where is the cat?" };
const options = { model: "tiny", messages: [question], temperature: 0, max_completion_tokens: 200 };
const short = { ...options, max_completion_tokens: 16 };
const schema = { type: "object", properties: { pet: { enum: ["cat", "dog"] } }, required: ["pet"], additionalProperties: false };
const tools = [{
  type: "function",
  function: {
    name: "look",
    description: "Looks",
    parameters: { type: "object", properties: { where: { enum: ["left", "right"] } }, required: ["where"] },
  },
}];

const cases = {
  async chatAndStreamAreTheSame() {
    const answer = await client.chat.completions.create(short);
    assert.ok(answer.choices[0].message.content);
    assert.equal(answer.usage.completion_tokens <= 16, true);
    let text = "";
    for await (const chunk of await client.chat.completions.create({ ...short, stream: true })) {
      text += chunk.choices[0]?.delta?.content ?? "";
    }
    assert.equal(text, answer.choices[0].message.content);
  },

  async streamsThatAreLeft() {
    for (let i = 0; i < 6; ++i) {
      const stream = await client.chat.completions.create({ ...options, max_completion_tokens: 400, stream: true });
      for await (const _ of stream) break;
      stream.controller.abort();
    }
    assert.ok((await client.chat.completions.create(short)).choices[0].message.content);
  },

  async structuredOutput() {
    const response_format = { type: "json_schema", json_schema: { name: "pet", schema } };
    const answer = await client.chat.completions.create({ ...options, response_format });
    assert.ok(["cat", "dog"].includes(JSON.parse(answer.choices[0].message.content).pet));
  },

  async toolsAreCalledAndAnswered() {
    const asked = { ...options, tools, parallel_tool_calls: false };
    const { message } = (await client.chat.completions.create({ ...asked, tool_choice: "required" })).choices[0];
    const [call] = message.tool_calls;
    assert.equal(call.function.name, "look");
    assert.ok(["left", "right"].includes(JSON.parse(call.function.arguments).where));
    const result = { role: "tool", tool_call_id: call.id, content: "there it is" };
    const answer = await client.chat.completions.create({ ...asked, messages: [question, message, result], tool_choice: "none" });
    assert.ok(answer.choices[0].message.content);
  },

  async errorsAreTyped() {
    await assert.rejects(client.chat.completions.create({ ...short, top_p: 7 }), OpenAI.BadRequestError);
    await assert.rejects(client.completions.create({ model: "other", prompt: "x" }), OpenAI.NotFoundError);
  },
};

for (const [name, run] of Object.entries(cases)) {
  await run();
  console.log(`${name}: ok`);
}
