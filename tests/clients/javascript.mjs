// The JavaScript client against the server that PURAS_API_BASE names, and against small servers of its own that are slow or broken.
// Prints "ok NAME" or "FAIL NAME" for each case; tests/spec/0810-javascript.py starts it.
import assert from "node:assert/strict";
import {mkdtemp, stat} from "node:fs/promises";
import http from "node:http";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {Puras, PurasError, VerbError} from "../../js/index.js";
import {file, save} from "../../js/node.js";

const SMALL = {prompt: "two red boats", size: "64x64"};
const DONE = {model: "a/b", kind: "image", drive_path: "media/1.png", output_url: "http://x/1", request_id: "1".repeat(32), billed_micros: 1, billed_usd: 0.000001, meta: {}};
const cases = [];
const test = (name, run) => cases.push([name, run]);
const fails = async (code, promise) => {
  const error = await promise.then(() => assert.fail(`${code} was expected`), (e) => e);
  assert.equal(error.code ?? error.name, code, error.message);
  return error;
};

/** Answers in order; null closes the connection without one. */
async function double(...answers) {
  const seen = [];
  const server = http.createServer((request, reply) => {
    let body = "";
    request.on("data", (piece) => (body += piece));
    request.on("end", () => {
      seen.push({method: request.method, path: request.url, headers: request.headers, body: body ? JSON.parse(body) : null});
      const answer = answers.shift();
      if (!answer) return request.socket.destroy();
      const text = JSON.stringify(answer[1]);
      reply.writeHead(answer[0], {"Content-Type": "application/json", Connection: "close"}).end(text);
    });
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const base = `http://127.0.0.1:${server.address().port}`;
  return {seen, base, puras: new Puras({apiKey: "puras_live_abcdefgh.x", apiBase: base}), close: () => server.close()};
}

const puras = new Puras();

test("run_answers_the_dictionary", async () => {
  const before = (await puras.balance()).available_micros;
  const made = await puras.media.run("puras/sketch", SMALL, {outputPath: "js/a.png"});
  assert.deepEqual(Object.keys(made).sort(), ["billed_micros", "billed_usd", "drive_path", "kind", "meta", "model", "output_url", "request_id"]);
  assert.deepEqual([made.kind, made.drive_path, made.billed_micros, made.billed_usd], ["image", "js/a.png", 10000, 0.01]);
  assert.equal(before - (await puras.balance()).available_micros, 10000);
});

test("files_go_in_in_every_shape", async () => {
  const made = await puras.media.run("puras/sketch", SMALL);
  const path = join(await mkdtemp(join(tmpdir(), "puras-")), "p.png");
  assert.equal(await save(puras, made.drive_path, path), (await stat(path)).size);
  const blob = await puras.drive.download(made.drive_path);
  const bytes = new Uint8Array(await blob.arrayBuffer());
  for (const image of [await file(path), blob, bytes, bytes.buffer, made, made.drive_path, made.output_url, {drive_path: made.drive_path}, [bytes]])
    assert.equal((await puras.media.run("puras/sketch-edit", {image, prompt: "warmer"})).billed_micros, 12000);
  const names = (await puras.drive.list("uploads/")).map((f) => f.path);
  assert.equal(names.filter((n) => n.endsWith(".png")).length >= 1, true);
  await fails("bad_file", puras.media.run("puras/sketch-edit", {image: new Uint8Array(0), prompt: "x"}));
  await fails("bad_file", puras.media.run("puras/sketch-edit", {image: {drive_path: "", request_id: "1"}, prompt: "x"}));
});

test("progress_submit_wait_and_cancel", async () => {
  const seen = [];
  const film = await puras.media.run("puras/motion-t2v", {prompt: "a boat", duration: 1, resolution: "360p"}, {onProgress: (p) => seen.push(p)});
  assert.deepEqual([film.kind, seen[0].status, seen.at(-1).status], ["video", "pending", "completed"]);
  const quote = await puras.media.quote("puras/sketch", SMALL);
  const g = await puras.media.submit("puras/sketch", SMALL, {quoteId: quote.quote_id, metadata: {order: 7}, webhookUrl: "https://hooks.example/x", waitS: 20});
  assert.equal(g.state.webhook_url, "https://hooks.example/x");
  assert.deepEqual([g.status, g.state.metadata, (await g.wait()).request_id, g.outputs[0].width], ["completed", {order: 7}, g.id, 64]);
  await fails("conflict", g.cancel());
  assert.equal((await puras.media.get(g.id)).status, "completed");
  const types = [];
  for await (const e of g.events()) types.push(e.type);
  assert.equal(types.at(-1), "completed");
  await fails("price_changed", puras.media.submit("puras/sketch", SMALL, {maxUsd: 0.001}));
});

test("refusals_say_what_was_charged", async () => {
  for (const [code, model, inputs, options] of [["unknown_model", "no/such", {}], ["unpriceable_input", "puras/sketch", {prompt: "x", size: "big"}],
    ["bad_path", "puras/sketch", SMALL, {outputPath: "../x.png"}], ["invalid_argument", "puras/sketch-edit", {image: "no/such.png", prompt: "x"}]]) {
    const error = await fails(code, puras.media.run(model, inputs, options));
    assert.deepEqual([error.status, error.chargedMicros, error.canRetry, error instanceof PurasError], [400, 0, false, true]);
  }
  await fails("unauthenticated", new Puras({apiKey: "puras_live_abcdefgh.x"}).media.run("puras/sketch", SMALL));
  const made = await puras.media.run("puras/sketch", SMALL, {kind: "video"});
  assert.equal(made.meta.warnings.length, 1);
});

test("a_lost_answer_is_asked_for_again_and_nothing_else", async () => {
  const d = await double(null, null, [200, DONE]);
  assert.equal((await d.puras.media.run("a/b")).request_id, DONE.request_id);
  const keys = d.seen.map((s) => s.headers["idempotency-key"]);
  assert.deepEqual([keys.length, new Set(keys).size], [3, 1]);
  d.close();
  for (const [status, body] of [[503, {detail: "busy", code: "try_again", retry: "same_key"}], [502, {detail: "broken", code: "provider_failed", charged_micros: 5}], [500, "oops"], [429, {error: {detail: "slow", code: "rate_limited", retry: "after", retry_after_s: 3}}]]) {
    const e = await double([status, body]);
    const error = await e.puras.media.run("a/b").catch((x) => x);
    assert.deepEqual([e.seen.length, error.status, error.chargedMicros], [1, status, body.charged_micros ?? 0]);
    e.close();
  }
  const f = await double(null);
  await fails("no_answer", f.puras.drive.sign("a.png"));
  assert.equal(f.seen.length, 1);
  f.close();
});

test("a_call_of_more_than_590_seconds_goes_on", async () => {
  const late = [504, {detail: "goes on", code: "still_running", retry: "same_key"}];
  const d = await double(late, late, [200, DONE]);
  assert.equal((await d.puras.media.run("a/b")).billed_micros, 1);
  assert.deepEqual([d.seen.length, new Set(d.seen.map((s) => s.headers["idempotency-key"])).size], [3, 1]);
  d.close();
});

test("no_server_is_said_plainly", async () => {
  const d = await double();
  d.close();
  const error = await fails("no_answer", d.puras.media.run("a/b"));
  assert.match(error.message, /Nothing was sent and nothing charged/);
  assert.throws(() => new Puras({apiBase: "localhost"}), {code: "bad_config"});
});

test("the_verbs_choose_a_slug", async () => {
  const d = await double(...Array(7).fill([200, DONE]));
  const m = d.puras.media;
  await m.generateImage("a cat");
  await m.generateImage("like @Image1", {refs: ["a.png"], model: "seedream"});
  const veo = await m.generateVideo("x", {model: "veo", duration: 5});
  await m.generateVideo("@Image1 moves", {refs: ["a.png"]});
  await m.generateVideo("", {image: "a.png", lipsyncAudio: "b.mp3"});
  await m.generateAudio("hello", {style: 0.5});
  await m.transcribe("b.mp3", {keyterms: ["puras"]});
  assert.equal(veo.meta.warnings.length, 1);
  assert.deepEqual(d.seen.map((s) => [s.body.model, s.body.kind, s.body.inputs]), [
    ["google/nano-banana-pro", "image", {prompt: "a cat"}],
    ["bytedance/seedream-v4-edit", "image", {prompt: "like the image reference 1", image_urls: ["a.png"]}],
    ["google/veo-3-t2v", "video", {prompt: "x", duration: 4, generate_audio: false}],
    ["bytedance/seedance-2-fast-r2v", "video", {prompt: "@Image1 moves", image_urls: ["a.png"], generate_audio: false}],
    ["kuaishou/kling-avatar-v2", "video", {image_url: "a.png", audio_url: "b.mp3"}],
    ["elevenlabs/tts-v3", "audio", {text: "hello"}],
    ["elevenlabs/scribe-v2", "text", {audio_url: "b.mp3", keyterms: ["puras"]}],
  ]);
  await assert.rejects(m.generateVideo("x", {refs: ["a"], model: "veo-fast"}), VerbError);
  d.close();
});

test("jobs_of_skills", async () => {
  const d = await double([201, {id: "j1", status: "queued"}], [200, {id: "j1", status: "running"}], [200, {id: "j1", status: "succeeded", result: [1]}], [200, {id: "j2", status: "failed", error: "no"}]);
  const p = new Puras({apiKey: "k", apiBase: d.base, skillpack: "pack"});
  assert.deepEqual(await p.run("draw", {a: 1}, {pollS: 0.01}), [1]);
  assert.deepEqual([d.seen[0].path, d.seen[0].body], ["/v1/jobs?skillpack=pack", {skill: "draw", inputs: {a: 1}}]);
  assert.equal((await fails("job_failed", p.wait("j2"))).body.id, "j2");
  d.close();
});

let failed = 0;
for (const [name, run] of cases) {
  const began = Date.now();
  try {
    await run();
    console.log(`ok ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}\n${error.stack}`);
  }
}
process.exit(failed ? 1 : 0);
