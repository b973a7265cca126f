// Native gRPC over node:http2, for the runtimes that have it. One session per origin, shared by all calls, kept alive
// while calls are open, and no reason for the process to stay when none is. Same shape as fetch.js.

import http2 from "node:http2";

import { ConnectionFailure, connectionFailure, diagnose } from "./failure.js";
import { Inbox } from "./inbox.js";

const STREAM_WINDOW = 8 * 1024 * 1024;
const SESSION_WINDOW = 32 * 1024 * 1024;
const MAX_FRAME = 1024 * 1024;
const READ_HIGH = 2 * 1024 * 1024;
/** What may be under way to a terminal, or what is shown lags behind what is typed. */
const INTERACTIVE_WINDOW = 128 * 1024;
const INTERACTIVE_READ_HIGH = 32 * 1024;
const PING_MS = 20_000;
const PING_ANSWER_MS = 10_000;
const CONNECT_MS = 10_000;
const { NGHTTP2_CANCEL } = http2.constants;

/** Opens calls; a session lives until the server or the network ends it. */
export function createHttp2() {
  const sessions = new Map();

  function sessionOf(origin, interactive) {
    const key = interactive ? `${origin} terminals` : origin;
    let entry = sessions.get(key);
    if (!entry) {
      entry = connect(origin, interactive ? INTERACTIVE_WINDOW : STREAM_WINDOW, () => sessions.get(key) === entry && sessions.delete(key));
      sessions.set(key, entry);
    }
    return entry;
  }

  /** One call whose answer is read as it comes. */
  async function open({ url, headers, parts, duplex, interactive, signal }) {
    const { stream, response } = await request(url, headers, interactive, signal);
    const incoming = new Incoming(stream, url, signal, interactive);
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

  async function request(url, headers, interactive, signal) {
    if (signal.aborted) throw aborted(signal);
    const { origin, pathname, search } = new URL(url);
    const entry = sessionOf(origin, interactive);
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

/** A stream's window is its session's: terminals have a session of their own. */
function connect(origin, initialWindowSize, forget) {
  const session = http2.connect(origin, {
    settings: { initialWindowSize, maxFrameSize: MAX_FRAME, enablePush: false },
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

/** The answer's chunks, the stream held up while too many of them are here. */
class Incoming {
  trailers;
  failed;
  #stream;
  #inbox;
  #high;
  #paused = false;

  constructor(stream, url, signal, interactive) {
    this.#stream = stream;
    this.#high = interactive ? INTERACTIVE_READ_HIGH : READ_HIGH;
    this.failed = new Promise((_, reject) => (this.reject = reject));
    this.failed.catch(() => {});
    this.#inbox = new Inbox(() => {
      if (!this.#paused || this.#inbox.bytes >= this.#high / 4) return;
      this.#paused = false;
      stream.resume();
    });
    const end = (failure) => {
      if (failure) this.reject(failure);
      this.#inbox.end(failure);
    };
    stream.on("data", (chunk) => this.#push(chunk));
    stream.on("trailers", (trailers) => (this.trailers = entries(trailers)));
    stream.on("end", () => end());
    stream.on("error", (error) => end(streamFailure(error, url, signal)));
    stream.on("close", () => end(streamFailure(undefined, url, signal)));
  }

  #push(chunk) {
    this.#inbox.push(chunk);
    if (this.#paused || this.#inbox.bytes <= this.#high) return;
    this.#paused = true;
    this.#stream.pause();
  }

  read() {
    return this.#inbox.read();
  }

  async cancel() {
    this.#stream.close(NGHTTP2_CANCEL);
  }
}
