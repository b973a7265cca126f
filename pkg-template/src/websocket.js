// One gRPC-web call over one WebSocket (subprotocol grpc-websockets). Moves messages; their framing is the core's.

import { ConnectionFailure, connectionFailure } from "./failure.js";

const SEND_HIGH = 1024 * 1024;
const SEND_LOW = 256 * 1024;
// A browser's WebSocket cannot be slowed down: whoever does not read so much loses the call, not the page its memory.
const RECEIVE_LIMIT = 32 * 1024 * 1024;
const KEEPALIVE_MS = 25_000;

/**
 * @param {{ url: string, protocol: string, messages: Uint8Array[], keepalive: Uint8Array, signal: AbortSignal,
 *           WebSocket?: typeof globalThis.WebSocket }} request
 */
export function openWebSocket({ url, protocol, messages, keepalive, signal, WebSocket = globalThis.WebSocket }) {
  if (typeof WebSocket !== "function") {
    throw new ConnectionFailure("no_websocket", "this runtime has no WebSocket");
  }
  const socket = new WebSocket(url.replace(/^http/, "ws"), protocol);
  socket.binaryType = "arraybuffer";
  const incoming = new Incoming(() => socket.close());
  let timer;
  const end = (failure) => {
    clearInterval(timer);
    signal.removeEventListener("abort", abort);
    incoming.end(failure);
  };
  const abort = () => {
    socket.close();
    end(new ConnectionFailure("aborted", "the call was aborted", signal.reason));
  };
  signal.addEventListener("abort", abort);
  socket.onmessage = ({ data }) => incoming.push(new Uint8Array(data));
  return new Promise((resolve, reject) => {
    socket.onopen = async () => {
      socket.onclose = () => end();
      for (const message of messages) socket.send(message);
      timer = setInterval(() => socket.readyState === 1 && socket.send(keepalive), KEEPALIVE_MS);
      timer.unref?.();
      // The handshake says nothing about the call: its headers are the first block of the stream.
      await incoming.arrived();
      resolve({
        status: 0,
        first: () => incoming.first(),
        header: () => undefined,
        reader: incoming,
        trailers: () => undefined,
        send: (message) => send(socket, message),
        closeSend: () => {},
      });
    };
    socket.onclose = () => {
      end();
      if (signal.aborted) reject(new ConnectionFailure("aborted", "the call was aborted", signal.reason));
      else reject(new ConnectionFailure("no_websocket", connectionFailure(undefined, url).message));
    };
  });
}

function send(socket, message) {
  if (socket.readyState !== 1) return undefined;
  socket.send(message);
  if (socket.bufferedAmount < SEND_HIGH) return undefined;
  return new Promise((resolve) => {
    const look = () => (socket.readyState !== 1 || socket.bufferedAmount < SEND_LOW ? resolve() : setTimeout(look, 4));
    look();
  });
}

class Incoming {
  #queue = [];
  #bytes = 0;
  #waiting;
  #ended = false;
  #failure;
  #close;
  #arrival;

  constructor(close) {
    this.#close = close;
  }

  push(value) {
    if (this.#ended) return;
    if (this.#waiting) {
      this.#waiting.resolve({ done: false, value });
      this.#waiting = undefined;
      return;
    }
    this.#queue.push(value);
    this.#bytes += value.length;
    this.#arrival?.();
    if (this.#bytes > RECEIVE_LIMIT) {
      this.#close();
      this.end(new ConnectionFailure("backpressure", `more than ${RECEIVE_LIMIT} bytes of output were left unread`));
    }
  }

  end(failure) {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    this.#arrival?.();
    if (!this.#waiting) return;
    if (failure) this.#waiting.reject(failure);
    else this.#waiting.resolve({ done: true, value: undefined });
    this.#waiting = undefined;
  }

  /** Resolves when there is a first message, or the end. */
  arrived() {
    return this.#queue.length > 0 || this.#ended ? undefined : new Promise((resolve) => (this.#arrival = resolve));
  }

  /** The first message, left where it is. */
  first() {
    return this.#queue[0];
  }

  read() {
    const value = this.#queue.shift();
    if (value) {
      this.#bytes -= value.length;
      return { done: false, value };
    }
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#ended) return { done: true, value: undefined };
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
  }

  async cancel() {
    this.#close();
    this.end();
  }
}
