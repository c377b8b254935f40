// OpenAI's official JavaScript client with nothing but our base URL and key. Run in the folder where it is installed.
import assert from "node:assert/strict";
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";

const require = createRequire(pathToFileURL(process.cwd() + "/"));
const {default: OpenAI, toFile} = await import(pathToFileURL(require.resolve("openai")).href).then((m) => (m.default?.OpenAI ? {default: m.default.OpenAI, toFile: m.default.toFile ?? m.toFile} : m));
const base = process.env.PURAS_API_BASE, key = process.env.PURAS_API_KEY;
const client = new OpenAI({baseURL: base + "/v1", apiKey: key});
const balance = async () => (await (await fetch(base + "/v1/balance", {headers: {Authorization: `Bearer ${key}`}})).json()).available_micros;
const cases = {
  async pictures_as_base64_and_as_links() {
    const before = await balance();
    const made = await client.images.generate({model: "gpt-image-2", prompt: "two red boats", size: "1024x1024", quality: "low", n: 2});
    assert.equal(made.data.length, 2);
    assert.equal(Buffer.from(made.data[0].b64_json, "base64").subarray(1, 4).toString(), "PNG");
    assert.equal(before - (await balance()), made.billed_micros);
    const link = await client.images.generate({model: "puras/sketch", prompt: "a boat", size: "64x64", response_format: "url"});
    assert.equal((await fetch(link.data[0].url)).headers.get("content-type"), "image/png");
  },
  async edits_of_one_and_of_several() {
    const png = Buffer.from((await client.images.generate({model: "puras/sketch", prompt: "a boat", size: "64x64"})).data[0].b64_json, "base64");
    const file = (name) => toFile(png, name, {type: "image/png"});
    assert.ok((await client.images.edit({model: "gpt-image-2", image: await file("a.png"), prompt: "warmer", size: "1024x1024", quality: "low"})).data[0].b64_json);
    assert.ok((await client.images.edit({model: "puras/sketch-edit", image: [await file("a.png"), await file("b.png")], prompt: "side by side"})).data[0].b64_json);
  },
  async speech() {
    const reply = await client.audio.speech.create({model: "puras/voice", voice: "clara", input: "Hello from here."});
    assert.ok((await reply.arrayBuffer()).byteLength > 1000);
  },
  async models_are_listed() {
    const ids = [];
    for await (const m of client.models.list()) ids.push(m.id);
    assert.ok(ids.includes("puras/sketch"));
  },
  async errors_are_of_their_classes_with_our_codes() {
    const before = await balance();
    const unknown = await client.images.generate({model: "no-such", prompt: "x"}).catch((e) => e);
    assert.deepEqual([unknown instanceof OpenAI.BadRequestError, unknown.code], [true, "unknown_model"]);
    const refused = await client.images.generate({model: "gpt-image-2", prompt: "x [twin: fail moderation]", size: "1024x1024", quality: "low"}).catch((e) => e);
    assert.deepEqual([refused.status, refused.code], [422, "refused"]);
    const poor = await new OpenAI({baseURL: base + "/v1", apiKey: process.env.PURAS_POOR_KEY}).images.generate({model: "puras/sketch", prompt: "x"}).catch((e) => e);
    assert.equal(poor.status, 402);
    assert.equal(await balance(), before);
  },
};
let failed = 0;
for (const [name, run] of Object.entries(cases)) {
  try {
    await run();
    console.log(`ok javascript_${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL javascript_${name}\n${error.stack}`);
  }
}
process.exit(failed ? 1 : 0);
