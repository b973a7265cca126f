// tar archives as streams: ustar, with pax headers for what does not fit, and GNU's long names on the way in.
// Must not know where the entries come from.

const BLOCK = 512;
const TYPES = { 0: "file", "\0": "file", 7: "file", 5: "directory", 2: "symlink", 1: "link" };
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Entries as the bytes of an archive.
 * @param {AsyncIterable<{ path: string, type: string, size?: number, mode?: number, mtimeMs?: number, target?: string,
 *                         data?: AsyncIterable<Uint8Array> }>} entries
 */
export async function* pack(entries) {
  for await (const entry of entries) {
    const { type, size = 0, data } = entry;
    const name = type === "directory" ? `${entry.path}/` : entry.path;
    const long = {};
    if (encoder.encode(name).length > 100) long.path = name;
    if (entry.target && encoder.encode(entry.target).length > 100) long.linkpath = entry.target;
    if (size > 0o77777777777) long.size = String(size);
    if (Object.keys(long).length > 0) {
      const records = encoder.encode(Object.entries(long).map(record).join(""));
      yield header({ name: "pax", size: records.length, mode: 0o644, flag: "x" });
      yield padded(records);
    }
    const flag = type === "directory" ? "5" : type === "symlink" ? "2" : "0";
    yield header({ ...entry, name, size: long.size ? 0 : size, flag });
    let sent = 0;
    for await (const chunk of data ?? []) {
      sent += chunk.length;
      // It grew since it was looked at: what is announced must be what follows.
      yield sent > size ? chunk.subarray(0, chunk.length - (sent - size)) : chunk;
      if (sent >= size) break;
    }
    if (sent < size) throw new Error(`${entry.path} became shorter while it was read: ${sent} of ${size} bytes`);
    if (size % BLOCK > 0) yield new Uint8Array(BLOCK - (size % BLOCK));
  }
  yield new Uint8Array(2 * BLOCK);
}

/** The entries of an archive. The `data` of each has to be read, or is skipped, before the next. */
export async function* unpack(chunks) {
  const source = new Source(chunks);
  let long = {};
  for (;;) {
    const block = await source.take(BLOCK);
    if (!block) throw new Error("the archive ended before its end");
    if (block.every((byte) => byte === 0)) break;
    if (checksum(block) !== octal(block, 148, 8)) throw new Error("what came is no tar archive");
    const flag = String.fromCharCode(block[156]);
    const size = long.size === undefined ? octal(block, 124, 12) : Number(long.size);
    if (flag === "x" || flag === "L" || flag === "K" || flag === "g") {
      const bytes = await source.take(size + ((BLOCK - (size % BLOCK)) % BLOCK));
      if (!bytes) throw new Error("the archive ended before its end");
      const body = bytes.subarray(0, size);
      if (flag === "x") Object.assign(long, records(body));
      if (flag === "L") long.path = text(body, 0, size);
      if (flag === "K") long.linkpath = text(body, 0, size);
      continue;
    }
    const prefix = text(block, 345, 155);
    const name = text(block, 0, 100);
    const path = long.path ?? (prefix && text(block, 257, 5) === "ustar" && block[262] === 0 ? `${prefix}/${name}` : name);
    const body = source.part(size);
    yield {
      path,
      type: TYPES[flag] ?? "other",
      size,
      mode: octal(block, 100, 8) & 0o7777,
      mtimeMs: octal(block, 136, 12) * 1000,
      target: long.linkpath ?? (text(block, 157, 100) || undefined),
      data: body,
    };
    for await (const _ of body);
    if (size % BLOCK > 0) await source.take(BLOCK - (size % BLOCK));
    long = {};
  }
  await source.drain();
}

/** Chunks as pieces of asked sizes. */
class Source {
  #chunks;
  #rest = new Uint8Array(0);

  constructor(chunks) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  async #more() {
    const { done, value } = await this.#chunks.next();
    if (!done) this.#rest = value;
    return !done;
  }

  async take(size) {
    const whole = new Uint8Array(size);
    for (let at = 0; at < size; ) {
      if (this.#rest.length === 0 && !(await this.#more())) return undefined;
      const piece = this.#rest.subarray(0, size - at);
      whole.set(piece, at);
      at += piece.length;
      this.#rest = this.#rest.subarray(piece.length);
    }
    return whole;
  }

  /** The next bytes, once. Iterating it again goes on where it was left. */
  part(size) {
    let left = size;
    const next = async () => {
      if (left === 0) return { done: true, value: undefined };
      if (this.#rest.length === 0 && !(await this.#more())) throw new Error("the archive ended before its end");
      const value = this.#rest.subarray(0, left);
      left -= value.length;
      this.#rest = this.#rest.subarray(value.length);
      return { done: false, value };
    };
    return { next, [Symbol.asyncIterator]: () => ({ next }) };
  }

  async drain() {
    while (await this.#more());
  }
}

function header({ name, size = 0, mode = 0o644, mtimeMs = 0, target = "", flag }) {
  const block = new Uint8Array(BLOCK);
  const put = (value, at, length) => block.set(encoder.encode(value).subarray(0, length), at);
  const number = (value, at, length) => put(`${Math.trunc(value).toString(8).padStart(length - 1, "0")}\0`, at, length);
  put(name, 0, 100);
  number(mode, 100, 8);
  number(0, 108, 8);
  number(0, 116, 8);
  number(size, 124, 12);
  number(Math.max(0, mtimeMs / 1000), 136, 12);
  put(flag, 156, 1);
  put(target, 157, 100);
  put("ustar\x0000", 257, 8);
  put(`${checksum(block).toString(8).padStart(6, "0")}\0 `, 148, 8);
  return block;
}

/** The sum of a header's bytes, with spaces for the sum itself. */
const checksum = (block) => block.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0);

function padded(bytes) {
  const whole = new Uint8Array(Math.ceil(bytes.length / BLOCK) * BLOCK);
  whole.set(bytes);
  return whole;
}

/** `length key=value\n`, the length its own digits included. */
function record([key, value]) {
  const rest = ` ${key}=${value}\n`;
  const bytes = encoder.encode(rest).length;
  let length = bytes + String(bytes).length;
  if (bytes + String(length).length !== length) length = bytes + String(length).length;
  return `${length}${rest}`;
}

function records(bytes) {
  const found = {};
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(32, at);
    const length = Number(decoder.decode(bytes.subarray(at, space)));
    if (!(length > 0)) break;
    const pair = decoder.decode(bytes.subarray(space + 1, at + length - 1));
    found[pair.slice(0, pair.indexOf("="))] = pair.slice(pair.indexOf("=") + 1);
    at += length;
  }
  return found;
}

function text(block, at, length) {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return decoder.decode(end < 0 ? field : field.subarray(0, end));
}

/** A number in octal digits, or in binary with the first bit set. */
function octal(block, at, length) {
  if (block[at] & 0x80) return block.subarray(at + 1, at + length).reduce((sum, byte) => sum * 256 + byte, 0);
  return parseInt(text(block, at, length).trim() || "0", 8);
}
