// One gRPC-web call over one WebSocket (subprotocol grpc-websockets). Moves messages; their framing is the core's.
// A server of ours counts: both sides grant each other bytes by text messages (see the core's grpc_web/websocket.rs).

import { ConnectionFailure, connectionFailure } from "./failure.js";
import { Inbox } from "./inbox.js";

const SEND_HIGH = 1024 * 1024;
const SEND_LOW = 256 * 1024;
// Whoever else's WebSocket cannot be slowed down: a reader that leaves so much loses the call, not the page its memory.
const RECEIVE_LIMIT = 32 * 1024 * 1024;
const KEEPALIVE_MS = 25_000;
const OPEN = 1;

/**
 * @param {{ url: string, protocol: string, messages: Uint8Array[], keepalive: Uint8Array, window: number,
 *           signal: AbortSignal, WebSocket?: typeof globalThis.WebSocket }} request
 */
export function openWebSocket({ url, protocol, messages, keepalive, window, signal, WebSocket = globalThis.WebSocket }) {
  if (typeof WebSocket !== "function") {
    throw new ConnectionFailure("no_websocket", "this runtime has no WebSocket");
  }
  const socket = new WebSocket(url.replace(/^http/, "ws"), protocol);
  socket.binaryType = "arraybuffer";
  const grants = new Grants(socket, window);
  const outbox = new Outbox(socket);
  const incoming = new Inbox((bytes) => grants.taken(bytes));
  let timer;
  const end = (failure) => {
    clearInterval(timer);
    signal.removeEventListener("abort", abort);
    incoming.end(failure);
    outbox.end();
  };
  const abort = () => {
    socket.close();
    end(new ConnectionFailure("aborted", "the call was aborted", signal.reason));
  };
  signal.addEventListener("abort", abort);
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") return outbox.grant(Number(data));
    incoming.push(new Uint8Array(data));
    if (incoming.bytes <= RECEIVE_LIMIT) return;
    socket.close();
    end(new ConnectionFailure("backpressure", `more than ${RECEIVE_LIMIT} bytes of output were left unread`));
  };
  return new Promise((resolve, reject) => {
    socket.onopen = async () => {
      socket.onclose = () => end();
      const [metadata, ...first] = messages;
      socket.send(metadata);
      for (const message of first) outbox.send(message);
      timer = setInterval(() => socket.readyState === OPEN && socket.send(keepalive), KEEPALIVE_MS);
      timer.unref?.();
      // The handshake says nothing about the call: its headers are the first block of the stream.
      await incoming.arrived();
      resolve({
        status: 0,
        first: () => incoming.first(),
        count(room) {
          grants.begin();
          outbox.count(room);
        },
        header: () => undefined,
        reader: {
          read: () => incoming.read(),
          async cancel() {
            socket.close();
            end();
          },
        },
        trailers: () => undefined,
        send: (message) => outbox.send(message),
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

/** Tells the server how much was taken, once it is worth a message and the server counts. */
class Grants {
  #socket;
  #worth;
  #owed = 0;
  #counting = false;

  constructor(socket, window) {
    this.#socket = socket;
    this.#worth = window / 4;
  }

  begin() {
    this.#counting = true;
    this.taken(0);
  }

  taken(bytes) {
    this.#owed += bytes;
    if (!this.#counting || this.#owed < this.#worth || this.#socket.readyState !== OPEN) return;
    this.#socket.send(String(this.#owed));
    this.#owed = 0;
  }
}

/** What is to be sent: as the server's credit allows, or, where it counts nothing, as fast as the socket takes it. */
class Outbox {
  #socket;
  #sent = 0;
  #room = Infinity;
  #queue = [];

  constructor(socket) {
    this.#socket = socket;
  }

  count(room) {
    this.#room = room - this.#sent;
  }

  grant(bytes) {
    this.#room += bytes > 0 ? bytes : 0;
    while (this.#queue.length > 0 && this.#room > 0) {
      const { message, sent } = this.#queue.shift();
      this.#now(message);
      sent();
    }
  }

  /** A promise when the server is slower than the writer. */
  send(message) {
    if (this.#socket.readyState !== OPEN) return undefined;
    if (this.#room <= 0) return new Promise((sent) => this.#queue.push({ message, sent }));
    this.#now(message);
    if (this.#socket.bufferedAmount < SEND_HIGH) return undefined;
    return new Promise((resolve) => {
      const look = () => (this.#socket.readyState !== OPEN || this.#socket.bufferedAmount < SEND_LOW ? resolve() : setTimeout(look, 4));
      look();
    });
  }

  /** Nobody waits any more. What the call's end did not let through goes nowhere. */
  end() {
    for (const { sent } of this.#queue.splice(0)) sent();
  }

  /** The first byte says what the message is, and is not part of what is counted. */
  #now(message) {
    this.#socket.send(message);
    this.#sent += message.length - 1;
    this.#room -= message.length - 1;
  }
}
