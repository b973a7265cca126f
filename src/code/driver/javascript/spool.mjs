
// ---- frames ----

const NOBODY = 0n;
const json = (value) => Buffer.from(JSON.stringify(value));

function pack(kind, call, ...parts) {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(9 + size);
  head.write(kind, 4, "latin1");
  head.writeBigUInt64BE(call, 5);
  return Buffer.concat([head, ...parts]);
}

function word(number) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
}

/** Cuts a byte stream into frames; keeps chunks apart until a frame is whole, so that large ones are copied once. */
class Frames {
  chunks = [];
  size = 0;

  *feed(data) {
    this.chunks.push(data);
    this.size += data.length;
    while (this.size >= 4) {
      if (this.chunks[0].length < 4) this.join();
      const length = this.chunks[0].readUInt32BE(0);
      if (length < 9 || length > MAX_REQUEST) throw new RangeError(`a frame of ${length} bytes`);
      if (this.size < 4 + length) return;
      if (this.chunks[0].length < 4 + length) this.join();
      const frame = this.chunks[0].subarray(4, 4 + length);
      const rest = this.chunks[0].subarray(4 + length);
      this.size -= 4 + length;
      if (rest.length > 0) this.chunks[0] = rest;
      else this.chunks.shift();
      yield { kind: String.fromCharCode(frame[0]), call: frame.readBigUInt64BE(1), body: frame.subarray(9) };
    }
  }

  join() {
    this.chunks = [Buffer.concat(this.chunks)];
  }
}

/** What one call has said so far, as far as nobody confirmed it. */
class Call {
  frames = []; // { at: position of the first byte, bytes }
  end = 0;
  sent = 0;
  held = 0;
  client = undefined;
  done = false;
  timers = [];
  timedOut = false;

  constructor(number, options = {}, source = Buffer.alloc(0)) {
    Object.assign(this, { number, options, source });
  }

  add(bytes) {
    const last = this.frames.at(-1);
    // Small outputs that nobody was told yet become one frame.
    if (last && last.at >= this.sent && last.bytes[4] === bytes[4] && (bytes[4] === 79 || bytes[4] === 70)) {
      if (last.bytes.length + bytes.length < CHUNK / 4) {
        this.held += bytes.length - 13;
        this.end += bytes.length - 13;
        last.bytes = Buffer.concat([last.bytes, bytes.subarray(13)]);
        last.bytes.writeUInt32BE(last.bytes.length - 4);
        return;
      }
    }
    this.frames.push({ at: this.end, bytes });
    this.end += bytes.length;
    this.held += bytes.length;
  }

  acknowledge(position) {
    let kept = 0;
    for (const { at, bytes } of this.frames) {
      if (at + bytes.length > position) break;
      this.held -= bytes.length;
      kept += 1;
    }
    this.frames.splice(0, kept);
  }

  /** Replaces the middle by one frame that says what is missing. Only while nobody listens. */
  shorten() {
    let head = 0;
    for (let size = 0; size < SPOOL / 2; head += 1) size += this.frames[head].bytes.length;
    const lost = { stdout: 0, stderr: 0, results: 0 };
    let tail = head;
    for (; tail < this.frames.length && this.held > (SPOOL / 8) * 7; tail += 1) {
      const { bytes } = this.frames[tail];
      const kind = String.fromCharCode(bytes[4]);
      if (kind === "G") {
        for (const [key, count] of Object.entries(JSON.parse(bytes.subarray(13)))) lost[key] += count;
      } else if (kind === "O" || kind === "F") {
        lost[kind === "O" ? "stdout" : "stderr"] += bytes.length - 13;
      } else {
        lost.results += 1;
      }
      this.held -= bytes.length;
    }
    const bytes = pack("G", this.number, json(lost));
    // The gap ends where the next frame begins, so a position behind it is never sent twice.
    const end = tail < this.frames.length ? this.frames[tail].at : this.end;
    this.frames.splice(head, tail - head, { at: end - bytes.length, bytes });
    this.held += bytes.length;
  }

  /** Index of the first frame at `position` or later. */
  find(position) {
    let low = 0;
    let high = this.frames.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.frames[middle].at < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
