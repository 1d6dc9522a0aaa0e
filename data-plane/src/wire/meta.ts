/** Numbers and texts of a frame's meta part, written and read one after the other. */
import { ProtocolError } from './frame.ts';

const firstBytes = 4096;

export class MetaWriter {
  #bytes = Buffer.allocUnsafeSlow(firstBytes);
  #length = 0;

  /** What was written so far: valid until `reset`. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  reset(): this {
    this.#length = 0;
    return this;
  }

  uint8(value: number): this {
    this.#room(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
    return this;
  }

  uint32(value: number): this {
    this.#room(4);
    this.#length = this.#bytes.writeUInt32LE(value, this.#length);
    return this;
  }

  /** Any number: sizes, offsets, times. */
  double(value: number): this {
    this.#room(8);
    this.#length = this.#bytes.writeDoubleLE(value, this.#length);
    return this;
  }

  text(value: string, encoding: 'utf8' | 'latin1' = 'utf8'): this {
    this.#room(4 + (encoding === 'utf8' ? 3 : 1) * value.length);
    const lengthBytes = this.#bytes.write(value, this.#length + 4, encoding);
    this.#bytes.writeUInt32LE(lengthBytes, this.#length);
    this.#length += 4 + lengthBytes;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#room(value.byteLength);
    this.#bytes.set(value, this.#length);
    this.#length += value.byteLength;
    return this;
  }

  #room(lengthBytes: number): void {
    const needed = this.#length + lengthBytes;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** Every method throws ProtocolError where the part is shorter than it says. */
export class MetaReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  uint8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  uint32(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#take(8));
  }

  text(encoding: 'utf8' | 'latin1' = 'utf8'): string {
    const lengthBytes = this.uint32();
    const at = this.#take(lengthBytes);
    return this.#bytes.toString(encoding, at, at + lengthBytes);
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }

  #take(lengthBytes: number): number {
    const at = this.#at;
    if (at + lengthBytes > this.#bytes.length) throw new ProtocolError('a meta part is too short');
    this.#at = at + lengthBytes;
    return at;
  }
}

/** JSON. Infinity, which it has no word for, becomes a text that no header or path can be. */
export function toJson(value: unknown): Buffer {
  return Buffer.from(
    JSON.stringify(value, (_, inner: unknown) => (inner === Number.POSITIVE_INFINITY ? infinity : inner)),
  );
}

/** @throws ProtocolError where it is none, or no object */
export function fromJson(bytes: Buffer): Record<string, unknown> {
  return parsed(bytes, undefined);
}

/** The same, with Infinity in its place: for what a node says of itself, never for keys. */
export function fromJsonWithInfinity(bytes: Buffer): Record<string, unknown> {
  return parsed(bytes, (_, inner) => (inner === infinity ? Number.POSITIVE_INFINITY : inner));
}

type Reviver = (name: string, inner: unknown) => unknown;

function parsed(bytes: Buffer, reviver: Reviver | undefined): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString(), reviver);
  } catch (error) {
    throw new ProtocolError(`a meta part is no JSON: ${String(error)}`);
  }
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new ProtocolError('a meta part is no JSON object');
}

const infinity = '\u0000Infinity';
