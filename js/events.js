/** text/event-stream, piece by piece: yields {id, type, data}. */
export async function* events(pieces) {
  const decoder = new TextDecoder();
  let rest = "", id = "", type = "message", data = [];
  for await (const piece of pieces) {
    rest += decoder.decode(piece, {stream: true});
    const lines = rest.split("\n");
    rest = lines.pop();
    for (const raw of lines) {
      const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
      if (!line) {
        if (data.length) yield {id, type, data: data.join("\n")};
        type = "message";
        data = [];
        continue;
      }
      const colon = line.indexOf(":");
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
      if (name === "id") id = value;
      else if (name === "event") type = value;
      else if (name === "data") data.push(value);
    }
  }
}

/** Pieces of a body; a ReadableStream is not iterable everywhere. */
export async function* pieces(body) {
  const reader = body.getReader();
  try {
    for (;;) {
      const {done, value} = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
