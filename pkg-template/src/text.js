// Text out of byte streams: one decoder for each, so that a character split across chunks survives.

/** The lines of a stream of bytes, without their ends. */
export async function* lines(chunks) {
  const cutter = new LineCutter();
  for await (const chunk of chunks) yield* cutter.push(chunk);
  yield* cutter.end();
}

/** Cuts one byte stream into lines. */
export class LineCutter {
  #decoder = new TextDecoder();
  #rest = "";

  push(chunk) {
    return this.#cut(this.#decoder.decode(chunk, { stream: true }));
  }

  end() {
    const found = this.#cut(this.#decoder.decode());
    if (this.#rest !== "") found.push(trim(this.#rest));
    this.#rest = "";
    return found;
  }

  #cut(text) {
    const parts = text.split("\n");
    if (parts.length === 1) {
      this.#rest += text;
      return [];
    }
    parts[0] = this.#rest + parts[0];
    this.#rest = parts.pop();
    return parts.map(trim);
  }
}

const trim = (line) => (line.endsWith("\r") ? line.slice(0, -1) : line);

/** Bytes of whatever may be written: text, bytes, buffers. */
export function toBytes(data, field) {
  if (typeof data === "string") return new TextEncoder().encode(data);
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer || (globalThis.SharedArrayBuffer && data instanceof SharedArrayBuffer)) return new Uint8Array(data);
  throw new TypeError(`${field} must be a string, bytes or a buffer, got ${data === null ? "null" : typeof data}`);
}
