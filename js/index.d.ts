/** What a model takes. Where it takes a file: a Blob, bytes, an earlier result, a path of the drive, a link, a data URI, or a list of these. */
export type Inputs = Record<string, unknown>;
export type Kind = "auto" | "image" | "video" | "audio" | "text";
export type Status = "pending" | "processing" | "completed" | "failed" | "cancelled";

export interface Output {
  /** A signed link, valid for an hour unless asked otherwise. */
  url: string;
  drive_path: string;
  media_type: string;
  /** Pixels. */
  width?: number;
  height?: number;
  /** Seconds. */
  duration?: number;
  /** Bytes. */
  file_size: number;
  sha256: string;
  [fact: string]: unknown;
}

/** What media.run returns. Amounts: 1 USD = 1,000,000 micros. */
export interface Result {
  model: string;
  kind: string;
  drive_path: string;
  output_url: string | null;
  request_id: string;
  billed_micros: number;
  billed_usd: number;
  meta: {metrics?: Record<string, unknown>; warnings?: string[]; [fact: string]: unknown};
  outputs?: Output[];
  text?: string;
  words?: {text: string; start: number; end: number}[];
  language_code?: string;
}

export interface Progress {
  generationId: string;
  status: Status;
  stage: string;
  /** 0 to 100, null when not known. */
  percent: number | null;
  elapsedS: number;
  event: unknown;
}

export interface WaitOptions {
  /** Gives up waiting after so many seconds; the work goes on. */
  timeoutS?: number;
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
}

export interface RunOptions extends WaitOptions {
  /** Where the drive shows the file; default media/<request_id>.<ext>. */
  outputPath?: string;
  /** Where the link stands in the provider's reply: "outputs[0].asset.url". */
  outputUrlPath?: string;
  kind?: Kind;
  /** 1 to 255 visible ASCII characters; a fresh one when absent. */
  idempotencyKey?: string;
}

export interface SubmitOptions {
  outputPath?: string;
  outputUrlPath?: string;
  kind?: Kind;
  /** Refuse (price_changed) when it costs more. */
  maxUsd?: number;
  quoteId?: string;
  /** At most 4096 bytes of your own. */
  metadata?: Record<string, unknown>;
  endUser?: string;
  /** Seconds, 30 to 2592000. */
  urlTtl?: number;
  /** Told of this call's end, https; signed by the secret of `puras webhooks secret`. Not with a publishable key. */
  webhookUrl?: string;
  /** Seconds to wait before returning, at most 590. */
  waitS?: number;
  idempotencyKey?: string;
  signal?: AbortSignal;
}

export interface Quote {
  quoted_micros: number;
  quoted_usd: number;
  quoted_credits: number;
  row: {why: string; [fact: string]: unknown};
  inputs: Inputs;
  quote_id: string;
  expires_at: string;
}

export class PurasError extends Error {
  /** "insufficient_credits", "refused", "no_answer", ... */
  readonly code: string;
  /** HTTP status, 0 when no answer came. */
  readonly status: number;
  readonly chargedMicros: number;
  readonly retry: "never" | "same_key" | "after";
  readonly retryAfterS: number | null;
  readonly requestId: string | null;
  readonly generationId: string | null;
  readonly body: unknown;
  get canRetry(): boolean;
}
export class VerbError extends Error {}

export interface GenerationEvent {
  id: string;
  type: string;
  data: any;
}

export class Generation {
  readonly id: string;
  /** As the server showed it last. */
  readonly state: Record<string, any>;
  get status(): Status;
  get ended(): boolean;
  get outputs(): Output[];
  get readToken(): string | undefined;
  refresh(options?: {waitS?: number; signal?: AbortSignal}): Promise<this>;
  cancel(): Promise<this>;
  deliver(options?: {outputUrlPath?: string}): Promise<this>;
  wait(options?: WaitOptions): Promise<Result>;
  result(): Result;
  events(options?: {after?: string; signal?: AbortSignal}): AsyncGenerator<GenerationEvent>;
}

type VerbOptions = Pick<RunOptions, "outputPath" | "onProgress" | "timeoutS" | "idempotencyKey" | "signal"> & {
  /** "auto", a family ("google/veo", "veo"), or a slug. */
  model?: string;
};

export class Media {
  run(model: string, inputs?: Inputs, options?: RunOptions): Promise<Result>;
  submit(model: string, inputs?: Inputs, options?: SubmitOptions): Promise<Generation>;
  quote(model: string, inputs?: Inputs): Promise<Quote>;
  get(id: string, options?: {readToken?: string}): Promise<Generation>;
  generateImage(prompt: string, options?: VerbOptions & {refs?: unknown[]; aspectRatio?: string; resolution?: "1K" | "2K" | "4K"; n?: number}): Promise<Result>;
  generateVideo(prompt?: string, options?: VerbOptions & {
    image?: unknown; lastFrame?: unknown; refs?: unknown[]; lipsyncAudio?: unknown; /** Seconds. */ duration?: number; aspectRatio?: string; resolution?: string; audio?: boolean;
  }): Promise<Result>;
  generateAudio(text: string, options?: VerbOptions & {voice?: string; language?: string; stability?: number; similarityBoost?: number; style?: number; speed?: number}): Promise<Result>;
  transcribe(audio: unknown, options?: VerbOptions & {keyterms?: string[]; languageCode?: string}): Promise<Result>;
}

export interface DriveFile {
  drive_path: string;
  path: string;
  size: number;
  media_type: string;
  sha256: string;
  [fact: string]: unknown;
}

export class Drive {
  sign(path: string, ttl?: number): Promise<{path: string; signed_url: string; expires_in: number}>;
  url(path: string, ttl?: number): Promise<string>;
  upload(source: Blob | ArrayBuffer | ArrayBufferView | string, path?: string): Promise<DriveFile>;
  download(path: string): Promise<Blob>;
  list(prefix?: string, limit?: number): Promise<DriveFile[]>;
}

export interface Job {
  id: string;
  status: "queued" | "running" | "succeeded" | "failed" | "cancelled";
  result?: any;
  error?: string;
  [fact: string]: unknown;
}

export class Puras {
  /** apiKey: puras_live_... or puras_test_... on servers, puras_pub_... in browsers; in Node PURAS_API_KEY and PURAS_API_BASE are read. */
  constructor(options?: {apiKey?: string; apiBase?: string; skillpack?: string; fetch?: typeof fetch});
  readonly media: Media;
  readonly drive: Drive;
  models(kind?: string): Promise<Record<string, any>[]>;
  pricing(): Promise<{models: Record<string, any>[]}>;
  balance(): Promise<Record<string, any>>;
  submit(skill: string, inputs?: Inputs, options?: {version?: number}): Promise<Job>;
  get(jobId: string): Promise<Job>;
  wait(jobId: string, options?: {timeoutS?: number; pollS?: number; signal?: AbortSignal}): Promise<Job>;
  run(skill: string, inputs?: Inputs, options?: {version?: number; timeoutS?: number; pollS?: number; signal?: AbortSignal}): Promise<any>;
  events(jobId: string, options?: {signal?: AbortSignal}): AsyncGenerator<GenerationEvent>;
}
