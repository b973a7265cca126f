// gRPC-web calls over fetch. Knows HTTP; knows neither gRPC frames nor sandboxes.
//
// Every transport answers with the same shape:
//   { status, header(name), reader: { read(), cancel() }, trailers(), send(bytes), closeSend() }
// `send` returns a promise only when the peer is slower than the writer.

import { ConnectionFailure, fetchFailure } from "./failure.js";

const SEND_WINDOW = 256 * 1024;

/**
 * One call. `parts` is the body, or its beginning when `duplex`.
 * @param {{ url: string, headers: [string, string][], parts: (Uint8Array | Blob)[], duplex: boolean,
 *           signal: AbortSignal, fetch?: typeof globalThis.fetch }} request
 */
export async function openFetch({ url, headers, parts, duplex, signal, fetch = globalThis.fetch }) {
  const outgoing = duplex ? openBody(parts) : undefined;
  let response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers,
      body: outgoing ? outgoing.stream : parts.length === 1 ? parts[0] : new Blob(parts),
      signal,
      cache: "no-store",
      ...(outgoing && { duplex: "half" }),
    });
  } catch (error) {
    if (signal.aborted) throw new ConnectionFailure("aborted", "the call was aborted", error);
    throw await fetchFailure(error, url, fetch);
  }
  return {
    status: response.status,
    header: (name) => response.headers.get(name) ?? undefined,
    reader: response.body ? response.body.getReader() : emptyReader,
    trailers: () => undefined,
    send: (bytes) => outgoing?.send(bytes),
    closeSend: () => outgoing?.close(),
  };
}

/**
 * Whether this runtime's fetch can read an answer while it still sends: asks the server for a method that does not
 * exist, with a body that stays open. A full-duplex fetch has the refusal at once; a half-duplex one waits for the body.
 */
export async function probeDuplex({ url, headers, fetch = globalThis.fetch }) {
  if (!acceptsStreams()) return false;
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), 1500);
  const { stream } = openBody([new Uint8Array([0, 0, 0, 0, 0])]);
  try {
    const response = await fetch(url, { method: "POST", headers, body: stream, duplex: "half", signal: stop.signal });
    return response.status > 0;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

function acceptsStreams() {
  let asked = false;
  try {
    const body = new ReadableStream();
    const request = new Request("http://localhost/", {
      method: "POST",
      body,
      get duplex() {
        asked = true;
        return "half";
      },
    });
    // A runtime that does not know stream bodies sends their text, and says so in a content type.
    return asked && !request.headers.has("content-type");
  } catch {
    return false;
  }
}

function openBody(parts) {
  let controller;
  let wake;
  let closed = false;
  const stream = new ReadableStream(
    {
      start(it) {
        controller = it;
        for (const part of parts) it.enqueue(part);
      },
      pull() {
        wake?.();
        wake = undefined;
      },
      cancel() {
        closed = true;
        wake?.();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: SEND_WINDOW }),
  );
  return {
    stream,
    send(bytes) {
      if (closed) return undefined;
      controller.enqueue(bytes);
      return controller.desiredSize > 0 ? undefined : new Promise((resolve) => (wake = resolve));
    },
    close() {
      if (closed) return;
      closed = true;
      controller.close();
    },
  };
}

const emptyReader = { read: async () => ({ done: true, value: undefined }), cancel: async () => {} };
