/**
 * puras: pictures, films, songs and voices from one call. No dependencies; Node 18 and newer with a secret key, browsers with a publishable one.
 *
 * The one rule about repeating: a request leaves again only when its connection failed, and only when it carries an idempotency key or
 * changes nothing. Whatever the server answered is final.
 */
import {events, pieces} from "./events.js";
import {VerbError, imageCall, speechCall, transcriptCall, videoCall} from "./verbs.js";

export {VerbError};

const DEFAULT_BASE = "http://127.0.0.1:8080";
const ENDED = ["completed", "failed", "cancelled"];
const WAIT_S = 60;         // of one waiting read
const LOSSES = 6;          // connections that broke, in a row
const PATIENCE_MS = 60000; // with a server that was there before; one that never was is given up after UNSEEN_MS
const UNSEEN_MS = 2000;

/** A call that did not come to its result. Decide by `code`; show `message`. */
export class PurasError extends Error {
  constructor(message, facts = {}) {
    super(message);
    this.name = "PurasError";
    this.code = facts.code ?? "client_error";
    this.status = facts.status ?? 0;
    this.chargedMicros = facts.charged_micros ?? 0;
    this.retry = facts.retry ?? "never";
    this.retryAfterS = facts.retry_after_s ?? null;
    this.requestId = facts.request_id ?? null;
    this.generationId = facts.generation_id ?? null;
    this.body = facts.body ?? null;
  }

  /** Whether the same call, made again, may succeed. */
  get canRetry() {
    return this.retry !== "never";
  }
}

const refusal = (status, body) => {
  const inner = body?.error && typeof body.error === "object" && !body.detail ? body.error : body;
  const facts = inner && typeof inner === "object" ? inner : {};
  const message = facts.detail ?? facts.message ?? (typeof body === "string" && body ? body : `The server answered ${status}.`);
  return new PurasError(String(message), {...facts, code: facts.code ?? `http_${status}`, status, body});
};

const sleep = (ms, signal) =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(done, ms);
    function done() {
      signal?.removeEventListener("abort", stop);
      resolve();
    }
    function stop() {
      clearTimeout(timer);
      reject(signal.reason);
    }
    signal?.addEventListener("abort", stop, {once: true});
  });

const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
// Node 18 has it under another name; pages without TLS have no more of it than getRandomValues.
const webcrypto = globalThis.crypto ?? (await import("node:crypto")).webcrypto;
const newKey = () => hex(webcrypto.getRandomValues(new Uint8Array(16)));
const pathOf = (path) => String(path).split("/").map(encodeURIComponent).join("/");
const isBytes = (v) => v instanceof ArrayBuffer || ArrayBuffer.isView(v);
const isBlob = (v) => typeof Blob !== "undefined" && v instanceof Blob;
const isPlain = (v) => v !== null && typeof v === "object" && [Object.prototype, null].includes(Object.getPrototypeOf(v));
const isResult = (v) => isPlain(v) && typeof v.drive_path === "string" && "request_id" in v;

/** A page has no drive of its own: its files go along. */
async function dataUri(value) {
  const bytes = new Uint8Array(isBlob(value) ? await value.arrayBuffer() : ArrayBuffer.isView(value) ? value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength) : value);
  if (!bytes.length) throw new PurasError("A file input is empty; nothing was sent.", {code: "bad_file"});
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return `data:${(isBlob(value) && value.type) || "application/octet-stream"};base64,${btoa(text)}`;
}

/** One request. Throws PurasError for an answer outside 2xx, and when none came. */
class Transport {
  constructor(base, key, fetcher) {
    this.base = base.replace(/\/+$/, "");
    this.key = key;
    this.fetch = fetcher;
    this.publishable = key?.startsWith("puras_pub_") ?? false;
  }

  async answer(method, path, {body, headers = {}, key, signal} = {}) {
    const all = {Accept: "application/json", ...headers};
    if (this.key) all.Authorization = `Bearer ${this.key}`;
    if (key) all["Idempotency-Key"] = key;
    const repeatable = Boolean(key) || method === "GET";
    let losses = 0, pause = 200, since = Date.now();
    for (;;) {
      try {
        return await this.fetch(this.base + path, {method, headers: all, body, signal, redirect: "manual"});
      } catch (lost) {
        if (signal?.aborted) throw signal.reason;
        const refused = /ECONNREFUSED/.test(String(lost?.cause?.code ?? lost?.cause ?? ""));
        if (!refused) {
          losses++;
          since = Date.now();
        }
        if (!repeatable || losses > LOSSES || Date.now() - since > (losses ? PATIENCE_MS : UNSEEN_MS)) throw this.lost(lost, losses > 0, key);
        await sleep(pause, signal);
        pause = Math.min(pause * 2, 5000);
      }
    }
  }

  lost(error, met, key) {
    const why = error?.cause?.message ?? error?.message ?? error;
    const message = met
      ? `The connection to ${this.base} was lost before an answer came (${why}).` + (key ? ` The same call with idempotency key ${key} finds what was begun and is charged once at most.` : "")
      : `No puras server answers at ${this.base} (${why}). Nothing was sent and nothing charged.`;
    const made = new PurasError(message, {code: "no_answer", retry: key ? "same_key" : "after"});
    made.idempotencyKey = key ?? null;
    return made;
  }

  async json(method, path, payload, options = {}) {
    const headers = {...options.headers};
    if (payload !== undefined) headers["Content-Type"] = "application/json";
    const body = payload === undefined ? undefined : JSON.stringify(payload);
    for (let tries = 0; ; tries++) {
      const reply = await this.answer(method, path, {...options, headers, body});
      let text;
      try {
        text = await reply.text();
      } catch (lost) { // the answer broke off: the same as none
        if (options.signal?.aborted) throw options.signal.reason;
        if (tries < 3 && (options.key || method === "GET")) continue;
        throw this.lost(lost, true, options.key);
      }
      let content = text;
      try {
        content = JSON.parse(text);
      } catch {}
      if (!reply.ok) throw refusal(reply.status, content);
      return content;
    }
  }
}

/** media.run's dictionary of a finished generation. */
function resultOf(g) {
  const outputs = g.outputs?.length ? g.outputs : [{}];
  const result = {
    model: g.model, kind: g.kind, drive_path: outputs[0].drive_path ?? "", output_url: outputs[0].url ?? null, request_id: g.id,
    billed_micros: g.billed_micros ?? 0, billed_usd: g.billed_usd ?? 0, meta: g.meta ?? {},
  };
  if (outputs.length > 1) result.outputs = outputs;
  for (const name of ["text", "words", "language_code"]) if (g[name] !== undefined && g[name] !== null) result[name] = g[name];
  return result;
}

/** One run of a model that was submitted. It goes on whether anybody waits or not. */
export class Generation {
  #transport;
  #readToken;

  constructor(transport, state, readToken) {
    this.#transport = transport;
    this.#readToken = state.read_token ?? readToken;
    this.state = state;
    this.id = state.id;
  }

  get status() {
    return this.state.status;
  }

  get ended() {
    return ENDED.includes(this.status);
  }

  get outputs() {
    return this.state.outputs ?? [];
  }

  /** Lets another page or process read this generation with a publishable key. */
  get readToken() {
    return this.#readToken;
  }

  #headers(more = {}) {
    return this.#readToken ? {...more, "X-Puras-Read-Token": this.#readToken} : more;
  }

  async refresh({waitS = 0, signal} = {}) {
    const query = waitS ? `?wait=${Math.max(1, Math.floor(waitS))}` : "";
    this.state = await this.#transport.json("GET", `/v1/generations/${encodeURIComponent(this.id)}${query}`, undefined, {headers: this.#headers(), signal});
    return this;
  }

  async cancel() {
    this.state = await this.#transport.json("POST", `/v1/generations/${encodeURIComponent(this.id)}/cancel`, {}, {headers: this.#headers()});
    return this;
  }

  /** Has the file found that outputUrlPath did not lead to (code "output_not_found"), by another path or in the usual places; billed before, now for nothing. */
  async deliver({outputUrlPath} = {}) {
    const body = outputUrlPath === undefined ? {} : {output_url_path: outputUrlPath};
    this.state = await this.#transport.json("POST", `/v1/generations/${encodeURIComponent(this.id)}/deliver`, body);
    return this;
  }

  /** Waits for the end; returns media.run's dictionary. timeoutS: gives up waiting (code "still_running"), the work goes on. */
  async wait({timeoutS, onProgress, signal} = {}) {
    const began = Date.now();
    if (onProgress && !this.ended) await this.#follow(onProgress, began, timeoutS, signal);
    while (!this.ended) {
      const left = timeoutS === undefined ? WAIT_S : Math.min(WAIT_S, timeoutS - (Date.now() - began) / 1000);
      if (left <= 0)
        throw new PurasError(`The generation ${this.id} is still ${this.status} after ${timeoutS} s; it goes on.`, {code: "still_running", retry: "same_key", generation_id: this.id});
      await this.refresh({waitS: Math.max(1, left), signal});
    }
    return this.result();
  }

  result() {
    if (this.status === "completed" && !this.state.error) return resultOf(this.state);
    const error = this.state.error ?? {};
    const message = error.detail ?? (this.status === "cancelled" ? "The generation was cancelled." : `The generation is ${this.status}.`);
    throw new PurasError(message, {code: error.code ?? this.status, charged_micros: this.state.billed_micros ?? 0, generation_id: this.id, body: this.state});
  }

  /** Events as they come: {id, type, data}. */
  async *events({after, signal} = {}) {
    const headers = this.#headers({Accept: "text/event-stream", ...(after ? {"Last-Event-ID": String(after)} : {})});
    const reply = await this.#transport.answer("GET", `/v1/generations/${encodeURIComponent(this.id)}/events`, {headers, signal});
    if (!reply.ok) throw refusal(reply.status, await reply.json().catch(() => ""));
    for await (const e of events(pieces(reply.body))) yield {id: e.id, type: e.type, data: JSON.parse(e.data)};
  }

  async #follow(onProgress, began, timeoutS, signal) {
    let last = "";
    for (let broken = 0; broken < 3; broken++) {
      try {
        for await (const e of this.events({after: last, signal})) {
          last = e.id || last;
          broken = 0;
          const d = e.data?.data ?? {};
          onProgress({
            generationId: this.id, status: ENDED.includes(e.type) ? e.type : d.state ?? "processing", stage: d.stage ?? e.type,
            percent: typeof d.percent === "number" && d.percent >= 0 ? d.percent : null, elapsedS: (Date.now() - began) / 1000, event: e.data,
          });
          if (ENDED.includes(e.type)) return;
          if (timeoutS !== undefined && Date.now() - began > timeoutS * 1000) return;
        }
        return;
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        if (error instanceof PurasError && error.status) throw error;
        await sleep(200 * (broken + 1), signal);
      }
    }
  }
}

/** The project's drive. */
class Drive {
  #transport;

  constructor(transport) {
    this.#transport = transport;
  }

  /** {path, signed_url, expires_in}; ttl in seconds, 30 to 2592000. */
  sign(path, ttl = 3600) {
    return this.#transport.json("POST", "/v1/drive/sign", {path, ttl});
  }

  async url(path, ttl = 3600) {
    return (await this.sign(path, ttl)).signed_url;
  }

  /** Stores a Blob, bytes or text. Without a path under uploads/, named by what it holds: the same bytes are the same file. */
  async upload(source, path) {
    const blob = isBlob(source) ? source : new Blob([source]);
    if (!blob.size) throw new PurasError("A file input is empty; nothing was sent.", {code: "bad_file"});
    if (!path) {
      const name = webcrypto.subtle ? hex(new Uint8Array(await webcrypto.subtle.digest("SHA-256", await blob.arrayBuffer())).slice(0, 16)) : newKey();
      const ending = /\.[A-Za-z0-9]{1,8}$/.exec(blob.name ?? "")?.[0] ?? {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "video/mp4": ".mp4", "audio/mpeg": ".mp3"}[blob.type] ?? ".bin";
      path = `uploads/${name}${ending}`;
    }
    const reply = await this.#transport.answer("PUT", `/v1/drive/files/${pathOf(path)}`, {body: blob, headers: {"Content-Type": "application/octet-stream"}});
    const content = await reply.json().catch(() => "");
    if (!reply.ok) throw refusal(reply.status, content);
    return {drive_path: content.path, ...content};
  }

  async download(path) {
    const reply = await this.#transport.answer("GET", `/v1/drive/files/${pathOf(path)}`, {headers: {Accept: "*/*"}});
    if (!reply.ok) throw refusal(reply.status, await reply.json().catch(() => ""));
    return reply.blob();
  }

  async list(prefix = "", limit = 1000) {
    const found = [];
    for (let after = ""; found.length < limit; ) {
      const page = await this.#transport.json("GET", `/v1/drive?${new URLSearchParams({prefix, after, limit: String(Math.min(200, limit - found.length))})}`);
      found.push(...page.files);
      after = page.next_after ?? "";
      if (!after) break;
    }
    return found;
  }
}

/** Running models. */
class Media {
  #transport;
  #drive;

  constructor(transport, drive) {
    this.#transport = transport;
    this.#drive = drive;
  }

  /** Local files are uploaded; earlier results become their place in the drive; everything else is sent as it is. */
  async #prepare(value) {
    if ((isBytes(value) || isBlob(value)) && this.#transport.publishable) return dataUri(value);
    if (isBytes(value) || isBlob(value)) return {drive_path: (await this.#drive.upload(value)).drive_path};
    if (Array.isArray(value)) return Promise.all(value.map((v) => this.#prepare(v)));
    if (isResult(value) && this.#transport.publishable && value.output_url) return value.output_url; // a page shows a file by its link
    if (isResult(value)) {
      if (!value.drive_path) throw new PurasError("An earlier result without a file was given where a file is needed; nothing was sent.", {code: "bad_file"});
      return {drive_path: value.drive_path};
    }
    if (isPlain(value)) return Object.fromEntries(await Promise.all(Object.entries(value).map(async ([k, v]) => [k, await this.#prepare(v)])));
    return value;
  }

  /** Runs a model and waits for its file. */
  async run(model, inputs = {}, options = {}) {
    const {outputPath, outputUrlPath, kind = "auto", onProgress, idempotencyKey = newKey(), timeoutS, signal} = options;
    if (this.#transport.publishable || onProgress || timeoutS !== undefined) {
      const g = await this.submit(model, inputs, {outputPath, outputUrlPath, kind, idempotencyKey, signal});
      return g.wait({onProgress, timeoutS, signal});
    }
    const body = {model, inputs: await this.#prepare(inputs), output_path: outputPath ?? null, output_url_path: outputUrlPath ?? null, kind};
    for (;;) {
      try {
        return await this.#transport.json("POST", "/v1/media/generate", body, {key: idempotencyKey, signal});
      } catch (error) {
        if (error.code !== "still_running") throw error; // that one is no failure: the same key goes on waiting for the same work
      }
    }
  }

  /** Starts a model and returns a Generation at once, or after waitS seconds. */
  async submit(model, inputs = {}, options = {}) {
    const {outputPath, outputUrlPath, kind, maxUsd, quoteId, metadata, endUser, urlTtl, webhookUrl, waitS, idempotencyKey = newKey(), signal} = options;
    const body = {model, inputs: await this.#prepare(inputs)};
    const members = {output_path: outputPath, output_url_path: outputUrlPath, kind, quote_id: quoteId, metadata, end_user: endUser, url_ttl: urlTtl, webhook_url: webhookUrl,
      max_micros: maxUsd === undefined ? undefined : Math.round(maxUsd * 1e6)};
    for (const [name, value] of Object.entries(members)) if (value !== undefined && value !== null) body[name] = value;
    const headers = waitS ? {Prefer: `wait=${Math.min(590, Math.max(1, Math.floor(waitS)))}`} : {};
    return new Generation(this.#transport, await this.#transport.json("POST", "/v1/generations", body, {key: idempotencyKey, headers, signal}));
  }

  /** The price, without running anything: quoted_micros, quoted_usd, row, quote_id, expires_at. */
  quote(model, inputs = {}) {
    const named = Object.fromEntries(Object.entries(inputs).map(([k, v]) => [k, isBytes(v) || isBlob(v) ? {drive_path: "quote"} : v]));
    return this.#transport.json("POST", "/v1/quote", {model, inputs: named});
  }

  /** A generation by its id; with a publishable key also its read token. */
  async get(id, {readToken} = {}) {
    return new Generation(this.#transport, {id, status: "pending"}, readToken).refresh();
  }

  async #verb({model, inputs, kind, warnings}, options) {
    const made = await this.run(model, inputs, {...options, kind});
    if (warnings.length) made.meta = {...made.meta, warnings: [...(made.meta?.warnings ?? []), ...warnings]};
    return made;
  }

  async generateImage(prompt, options = {}) {
    return this.#verb(imageCall(prompt, options), runOptions(options));
  }

  async generateVideo(prompt = "", options = {}) {
    return this.#verb(videoCall(prompt, options), runOptions(options));
  }

  async generateAudio(text, options = {}) {
    return this.#verb(speechCall(text, options), runOptions(options));
  }

  async transcribe(audio, options = {}) {
    return this.#verb(transcriptCall(audio, options), runOptions(options));
  }
}

const runOptions = ({outputPath, onProgress, timeoutS, idempotencyKey, signal}) => ({outputPath, onProgress, timeoutS, signal, ...(idempotencyKey ? {idempotencyKey} : {})});

/** One server and one key. */
export class Puras {
  #transport;

  constructor({apiKey, apiBase, skillpack, fetch: fetcher} = {}) {
    const env = globalThis.process?.env ?? {};
    const base = apiBase ?? env.PURAS_API_BASE ?? DEFAULT_BASE;
    if (!/^https?:\/\//.test(base)) throw new PurasError(`The server's address ${base} must begin with http:// or https://.`, {code: "bad_config"});
    this.#transport = new Transport(base, apiKey ?? env.PURAS_API_KEY, fetcher ?? globalThis.fetch.bind(globalThis));
    this.skillpack = skillpack;
    this.drive = new Drive(this.#transport);
    this.media = new Media(this.#transport, this.drive);
  }

  async models(kind) {
    return (await this.#transport.json("GET", "/v1/models" + (kind ? `?kind=${encodeURIComponent(kind)}` : ""))).models;
  }

  pricing() {
    return this.#transport.json("GET", "/v1/pricing");
  }

  balance() {
    return this.#transport.json("GET", "/v1/billing/balance");
  }

  // --- jobs: runs of skills

  submit(skill, inputs = {}, {version} = {}) {
    const query = new URLSearchParams(Object.entries({skillpack: this.skillpack, version}).filter(([, v]) => v !== undefined));
    return this.#transport.json("POST", "/v1/jobs" + (query.size ? `?${query}` : ""), {skill, inputs});
  }

  get(jobId) {
    return this.#transport.json("GET", `/v1/jobs/${encodeURIComponent(jobId)}`);
  }

  async wait(jobId, {timeoutS = 600, pollS = 2, signal} = {}) {
    for (const end = Date.now() + timeoutS * 1000; ; await sleep(pollS * 1000, signal)) {
      const job = await this.get(jobId);
      if (job.status === "succeeded") return job;
      if (["failed", "cancelled"].includes(job.status)) throw new PurasError(job.error ?? `The job ended as ${job.status}.`, {code: `job_${job.status}`, body: job});
      if (Date.now() + pollS * 1000 > end) throw new PurasError(`The job ${jobId} is still ${job.status} after ${timeoutS} s; it goes on.`, {code: "still_running"});
    }
  }

  async run(skill, inputs = {}, options = {}) {
    return (await this.wait((await this.submit(skill, inputs, options)).id, options)).result;
  }

  async *events(jobId, {signal} = {}) {
    const reply = await this.#transport.answer("GET", `/v1/jobs/${encodeURIComponent(jobId)}/stream`, {headers: {Accept: "text/event-stream"}, signal});
    if (!reply.ok) throw refusal(reply.status, await reply.json().catch(() => ""));
    for await (const e of events(pieces(reply.body))) yield {id: e.id, type: e.type, data: JSON.parse(e.data)};
  }
}
