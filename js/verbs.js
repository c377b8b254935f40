/** Which slug of a family does what; the same table as in the Python package. */
const IMAGE = {
  "google/nano-banana": {text: "google/nano-banana-pro", edit: "google/nano-banana-pro-edit"},
  "openai/gpt-image": {text: "openai/gpt-image-2", edit: "openai/gpt-image-2-edit"},
  "bytedance/seedream": {text: "bytedance/seedream-v4", edit: "bytedance/seedream-v4-edit"},
  "google/imagen": {text: "google/imagen-4"},
  "kuaishou/kling-image": {text: "kuaishou/kling-v3-image", edit: "kuaishou/kling-v3-image-edit"},
};
const VIDEO = {
  "bytedance/seedance": {t2v: "bytedance/seedance-2-t2v", i2v: "bytedance/seedance-2-i2v", r2v: "bytedance/seedance-2-r2v"},
  "bytedance/seedance-fast": {t2v: "bytedance/seedance-2-fast-t2v", i2v: "bytedance/seedance-2-fast-i2v", r2v: "bytedance/seedance-2-fast-r2v"},
  "kuaishou/kling": {t2v: "kuaishou/kling-v3-t2v", i2v: "kuaishou/kling-v3-i2v", r2v: "kuaishou/kling-o3-r2v", lipsync: "kuaishou/kling-avatar-v2"},
  "google/veo": {t2v: "google/veo-3-t2v", i2v: "google/veo-3-i2v", r2v: "google/veo-3.1-r2v"},
  "google/veo-fast": {t2v: "google/veo-3-fast-t2v", i2v: "google/veo-3-fast-i2v"},
};
const AUDIO = {"elevenlabs/tts": {speech: "elevenlabs/tts-v3"}, "elevenlabs/tts-v2": {speech: "elevenlabs/tts-multilingual-v2"}};
const AUTO = {
  text: "google/nano-banana", edit: "google/nano-banana", t2v: "bytedance/seedance-fast", i2v: "bytedance/seedance-fast", r2v: "bytedance/seedance-fast",
  lipsync: "kuaishou/kling", speech: "elevenlabs/tts",
};
const NICKNAMES = {nano: "google/nano-banana", banana: "google/nano-banana"};

export class VerbError extends Error {
  constructor(message) {
    super(message);
    this.name = "VerbError";
  }
}

function choose(model, mode, families) {
  let name = !model || model === "auto" ? AUTO[mode] : NICKNAMES[model] ?? model;
  if (!families[name]) {
    const long = Object.keys(families).find((family) => family.split("/")[1] === name);
    if (!long && /^[a-z0-9][a-z0-9._-]*\/[a-z0-9][a-z0-9._-]*$/.test(name)) return {slug: name, known: false};
    if (!long) throw new VerbError(`There is no family ${model}; known are auto, ${Object.keys(families).join(", ")}, and every slug of the catalog.`);
    name = long;
  }
  if (!families[name][mode]) {
    const able = Object.keys(families).filter((family) => families[family][mode]);
    throw new VerbError(`${name} cannot do that; ${able.join(" or ")} can.`);
  }
  return {slug: families[name][mode], known: true};
}

const given = (members) => Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== null));
const inWords = (prompt) => prompt?.replace(/@(Image|Video|Audio)(\d+)/g, (_, what, n) => `the ${what.toLowerCase()} reference ${n}`);
const prompted = (prompt, {slug, known}) => (!known || /seedance|kling-o3/.test(slug) ? prompt : inWords(prompt)) || undefined;

/** Each returns {model, inputs, kind, warnings} for media.run. */
export function imageCall(prompt, o) {
  const chosen = choose(o.model, o.refs?.length ? "edit" : "text", IMAGE);
  const inputs = given({prompt: prompted(prompt, chosen), image_urls: o.refs?.length ? o.refs : undefined, aspect_ratio: o.aspectRatio, resolution: o.resolution, num_images: o.n});
  return {model: chosen.slug, inputs, kind: "image", warnings: []};
}

export function videoCall(prompt, o) {
  const mode = o.lipsyncAudio ? "lipsync" : o.refs?.length ? "r2v" : o.image ? "i2v" : "t2v";
  if (mode === "lipsync" && !o.image) throw new VerbError("A picture that speaks needs the picture: give image.");
  const chosen = choose(o.model, mode, VIDEO);
  const warnings = [];
  let duration = o.duration;
  if (duration !== undefined && /veo/.test(chosen.slug) && ![4, 6, 8].includes(duration)) {
    duration = [4, 6, 8].reduce((best, s) => (Math.abs(s - o.duration) < Math.abs(best - o.duration) ? s : best));
    warnings.push(`duration ${o.duration} is not one that ${chosen.slug} makes; ${duration} was used.`);
  }
  const inputs = given({
    prompt: prompted(prompt, chosen), image_url: o.image, end_image_url: o.lastFrame, image_urls: o.refs?.length ? o.refs : undefined, audio_url: o.lipsyncAudio,
    duration, aspect_ratio: o.aspectRatio, resolution: o.resolution, generate_audio: mode === "lipsync" ? undefined : Boolean(o.audio),
  });
  return {model: chosen.slug, inputs, kind: "video", warnings};
}

export function speechCall(text, o) {
  const {slug} = choose(o.model, "speech", AUDIO);
  let extras = given({similarity_boost: o.similarityBoost, style: o.style, speed: o.speed});
  const warnings = [];
  if (slug === "elevenlabs/tts-v3" && Object.keys(extras).length) {
    warnings.push(`${Object.keys(extras).sort().join(", ")} is not known to ${slug} and was left out.`);
    extras = {};
  }
  return {model: slug, inputs: {...given({text, voice: o.voice, language_code: o.language, stability: o.stability}), ...extras}, kind: "audio", warnings};
}

export function transcriptCall(audio, o) {
  return {model: o.model ?? "elevenlabs/scribe-v2", inputs: given({audio_url: audio, keyterms: o.keyterms, language_code: o.languageCode}), kind: "text", warnings: []};
}
