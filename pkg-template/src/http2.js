// Native gRPC over node:http2, for the runtimes that have it. One session per origin, shared by all calls, kept alive
// while calls are open, and no reason for the process to stay when none is. Same shape as fetch.js.

import http2 from "node:http2";

import { ConnectionFailure, connectionFailure, diagnose } from "./failure.js";

const STREAM_WINDOW = 8 * 1024 * 1024;
const SESSION_WINDOW = 32 * 1024 * 1024;
const MAX_FRAME = 1024 * 1024;
const READ_HIGH = 2 * 1024 * 1024;
const READ_LOW = 512 * 1024;
const PING_MS = 20_000;
const PING_ANSWER_MS = 10_000;
const CONNECT_MS = 10_000;
const { NGHTTP2_CANCEL } = http2.constants;

/** Opens calls; a session lives until the server or the network ends it. */
export function createHttp2() {
  const sessions = new Map();

  function sessionOf(origin) {
    let entry = sessions.get(origin);
    if (!entry) {
      entry = connect(origin, () => sessions.get(origin) === entry && sessions.delete(origin));
      sessions.set(origin, entry);
    }
    return entry;
  }

  /** One call whose answer is read as it comes. */
  async function open({ url, headers, parts, duplex, signal }) {
    const { stream, response } = await request(url, headers, signal);
    const incoming = new Incoming(stream, url, signal);
    send(stream, parts, duplex);
    const head = await Promise.race([response, incoming.failed]);
    return {
      status: head[":status"],
      header: (name) => head[name],
      reader: incoming,
      trailers: () => incoming.trailers,
      send: (bytes) =>
        stream.writable && !stream.write(bytes) ? new Promise((resolve) => onceAny(stream, ["drain", "close"], resolve)) : undefined,
      closeSend: () => void stream.end(),
    };
  }

  async function request(url, headers, signal) {
    if (signal.aborted) throw aborted(signal);
    const { origin, pathname, search } = new URL(url);
    const entry = sessionOf(origin);
    await entry.ready;
    if (signal.aborted) throw aborted(signal);
    const stream = entry.session.request({
      ":method": "POST",
      ":path": pathname + search,
      te: "trailers",
      ...Object.fromEntries(headers),
    });
    entry.hold(stream);
    const abort = () => stream.close(NGHTTP2_CANCEL);
    signal.addEventListener("abort", abort);
    stream.once("close", () => signal.removeEventListener("abort", abort));
    return { stream, response: new Promise((resolve) => stream.once("response", resolve)) };
  }

  return { open, close: () => sessions.forEach((entry) => entry.session.close()) };
}

function connect(origin, forget) {
  const session = http2.connect(origin, {
    settings: { initialWindowSize: STREAM_WINDOW, maxFrameSize: MAX_FRAME, enablePush: false },
    maxSessionMemory: 1024,
  });
  let open = 0;
  let answered = false;
  let failure;
  const ready = new Promise((resolve, reject) => {
    const slow = setTimeout(() => fail(Object.assign(new Error("no HTTP/2 settings"), { code: "ETIMEDOUT" })), CONNECT_MS);
    const fail = (error) => {
      clearTimeout(slow);
      forget();
      failure ??= error;
      if (!answered) reject(connectFailure(failure, origin));
      if (!session.destroyed) session.destroy();
    };
    session.once("connect", () => session.setLocalWindowSize(SESSION_WINDOW));
    session.once("remoteSettings", () => {
      answered = true;
      clearTimeout(slow);
      resolve();
    });
    session.on("error", fail);
    session.on("goaway", forget);
    session.on("close", () => fail(undefined));
  });
  ready.catch(() => {});
  const ping = setInterval(() => {
    if (open === 0 || session.destroyed) return;
    const dead = setTimeout(() => session.destroy(), PING_ANSWER_MS);
    session.ping(() => clearTimeout(dead));
  }, PING_MS);
  ping.unref();
  session.once("close", () => clearInterval(ping));
  return {
    session,
    ready,
    /** The session keeps the process alive exactly while a call is open. */
    hold(stream) {
      if (open++ === 0) session.ref();
      stream.once("close", () => {
        if (--open === 0 && !session.destroyed) session.unref();
      });
    },
  };
}

function connectFailure(error, origin) {
  const diagnosis = diagnose(error);
  if (diagnosis && diagnosis !== "connection_lost") return connectionFailure(error, origin, diagnosis);
  // It took the connection and then did not greet as HTTP/2 does: an HTTP/1.1 server, most likely.
  return new ConnectionFailure("no_http2", `${origin} does not speak HTTP/2`, error);
}

function streamFailure(error, url, signal) {
  if (signal.aborted) return aborted(signal);
  return connectionFailure(error, url, diagnose(error) ?? "connection_lost");
}

const aborted = (signal) => new ConnectionFailure("aborted", "the call was aborted", signal.reason);

function send(stream, parts, keepOpen) {
  if (parts.every((part) => part instanceof Uint8Array)) {
    const last = keepOpen ? -1 : parts.length - 1;
    parts.forEach((part, i) => (i === last ? stream.end(part) : stream.write(part)));
    return;
  }
  (async () => {
    for (const part of parts) {
      for await (const chunk of part instanceof Uint8Array ? [part] : part.stream()) {
        if (!stream.writable) return;
        if (!stream.write(chunk)) await new Promise((resolve) => onceAny(stream, ["drain", "close"], resolve));
      }
    }
    if (!keepOpen) stream.end();
  })().catch(() => stream.close(NGHTTP2_CANCEL));
}

function onceAny(emitter, events, listener) {
  const once = () => {
    for (const event of events) emitter.off(event, once);
    listener();
  };
  for (const event of events) emitter.on(event, once);
}

/** Pairs; a repeated header keeps its order. */
function entries(head) {
  return Object.entries(head)
    .filter(([name]) => !name.startsWith(":"))
    .flatMap(([name, value]) => (Array.isArray(value) ? value.map((it) => [name, it]) : [[name, String(value)]]));
}

class Incoming {
  trailers;
  failed;
  #stream;
  #queue = [];
  #bytes = 0;
  #paused = false;
  #waiting;
  #ended = false;
  #failure;

  constructor(stream, url, signal) {
    this.#stream = stream;
    this.failed = new Promise((_, reject) => (this.reject = reject));
    this.failed.catch(() => {});
    const end = (failure) => {
      if (this.#ended) return;
      this.#ended = true;
      this.#failure = failure;
      if (failure) this.reject(failure);
      if (failure) this.#waiting?.reject(failure);
      else this.#waiting?.resolve({ done: true, value: undefined });
      this.#waiting = undefined;
    };
    stream.on("data", (chunk) => this.#push(chunk));
    stream.on("trailers", (trailers) => (this.trailers = entries(trailers)));
    stream.on("end", () => end());
    stream.on("error", (error) => end(streamFailure(error, url, signal)));
    stream.on("close", () => end(streamFailure(undefined, url, signal)));
  }

  #push(value) {
    if (this.#waiting) {
      this.#waiting.resolve({ done: false, value });
      this.#waiting = undefined;
      return;
    }
    this.#queue.push(value);
    this.#bytes += value.length;
    if (this.#bytes > READ_HIGH && !this.#paused) {
      this.#paused = true;
      this.#stream.pause();
    }
  }

  read() {
    const value = this.#queue.shift();
    if (value) {
      this.#bytes -= value.length;
      if (this.#paused && this.#bytes < READ_LOW) {
        this.#paused = false;
        this.#stream.resume();
      }
      return { done: false, value };
    }
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#ended) return { done: true, value: undefined };
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
  }

  async cancel() {
    this.#stream.close(NGHTTP2_CANCEL);
  }
}
