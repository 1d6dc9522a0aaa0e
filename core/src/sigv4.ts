/**
 * What both sides of Signature Version 4 share: encoding, canonical request, signing keys, signatures. The
 * gateway verifies with it, the S3 driver signs with it. (AWS "Signature Calculations for the Authorization
 * Header".)
 */
import { createHash, createHmac, hash } from 'node:crypto';
import { assert } from './errors.ts';

export const emptySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

export function sha256Hex(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex');
}

export function hmacSha256(key: string | Uint8Array, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

const blockBytes = 64;
const digestBytes = 32;

/** The key mixed into the first block of both hashes of RFC 2104. */
interface Pads {
  readonly inner: Buffer;
  /** Followed by room for the inner digest. */
  readonly outer: Buffer;
}

/** By the key's own object: signing keys are derived once and used for a day. */
const padsByKey = new WeakMap<Uint8Array, Pads>();
/** Texts of this many bytes are hashed from here: one process hashes one text at a time. */
const scratch = Buffer.allocUnsafeSlow(16 * 1024);

/**
 * By RFC 2104 itself, from two plain hashes: to make a key object of a signing key, as `createHmac` does each
 * time, costs more than all the hashing of a signature. @param key of 64 bytes at most, as signing keys are;
 * its bytes never change
 */
export function hmacSha256Hex(key: Uint8Array, data: string): string {
  let pads = padsByKey.get(key);
  if (!pads) {
    pads = padsOf(key);
    padsByKey.set(key, pads);
  }
  pads.outer.write(hashAfter(pads.inner, data), blockBytes, 'latin1');
  return hash('sha256', pads.outer, 'hex');
}

function padsOf(key: Uint8Array): Pads {
  assert(key.byteLength <= blockBytes, 'a signing key fits into one block');
  const inner = Buffer.alloc(blockBytes, 0x36);
  const outer = Buffer.alloc(blockBytes + digestBytes, 0x5c);
  for (const [index, byte] of key.entries()) {
    inner[index]! ^= byte;
    outer[index]! ^= byte;
  }
  return { inner, outer };
}

/** SHA-256 of a block and a text, one character per byte. */
function hashAfter(block: Buffer, text: string): string {
  const room = blockBytes + text.length * 3;
  const bytes = room <= scratch.length ? scratch : Buffer.allocUnsafe(room);
  bytes.set(block);
  const end = blockBytes + bytes.write(text, blockBytes);
  return hash('sha256', bytes.subarray(0, end), 'binary');
}

/** Of a text that has one character per byte, as headers have. */
function sha256HexOfLatin1(text: string): string {
  if (text.length > scratch.length) return sha256Hex(Buffer.from(text, 'latin1'));
  return hash('sha256', scratch.subarray(0, scratch.write(text, 'latin1')), 'hex');
}

/** A fresh SHA-256 for a body that streams. */
export function sha256Stream(): { update(data: Uint8Array): void; digestHex(): string } {
  const digest = createHash('sha256');
  return { update: (data) => void digest.update(data), digestHex: () => digest.digest('hex') };
}

/** Percent-encodes UTF-8 once: unreserved `A-Za-z0-9-._~` stay, everything else is `%XX` in upper case. */
export function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** `uriEncode` of each segment; slashes stay. Takes the decoded path or key, never normalises it. */
export function uriEncodePath(path: string): string {
  return uriEncode(path).replaceAll('%2F', '/');
}

/** Sorted by encoded name, then by encoded value; a parameter without value gets `=`. */
export function canonicalQuery(entries: readonly (readonly [name: string, value: string])[]): string {
  if (entries.length === 0) return '';
  const encoded = entries.map(([name, value]) => [uriEncode(name), uriEncode(value)] as const);
  encoded.sort((a, b) => compareText(a[0], b[0]) || compareText(a[1], b[1]));
  return encoded.map(([name, value]) => `${name}=${value}`).join('&');
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Trimmed, inner runs of spaces to one. Takes bytes, one character each. */
export function canonicalHeaderValue(value: string): string {
  const trimmed = trimSpaces(value);
  return trimmed.includes('  ') ? trimmed.replace(/ {2,}/g, ' ') : trimmed;
}

/** Without spaces and tabs at its ends. `trim` takes more: the last byte of an `à` is a space to it. */
export function trimSpaces(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isSpace(value.charCodeAt(start))) start += 1;
  while (end > start && isSpace(value.charCodeAt(end - 1))) end -= 1;
  return value.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

export interface CanonicalParts {
  readonly method: string;
  /** Encoded. */
  readonly path: string;
  readonly query: string;
  /** Lower-case names in byte order, values canonical. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly payloadHash: string;
}

export function canonicalRequest(parts: CanonicalParts): string {
  let lines = '';
  let names = '';
  for (const [name, value] of parts.headers) {
    lines += `${name}:${value}\n`;
    names += names === '' ? name : `;${name}`;
  }
  return `${parts.method}\n${parts.path}\n${parts.query}\n${lines}\n${names}\n${parts.payloadHash}`;
}

/** @param amzDate `yyyyMMddTHHmmssZ`; @param scope `yyyyMMdd/region/service/aws4_request` */
export function stringToSign(amzDate: string, scope: string, canonical: string): string {
  return `AWS4-HMAC-SHA256\n${amzDate}\n${scope}\n${sha256HexOfLatin1(canonical)}`;
}

/** Derived signing keys, one HMAC chain per secret, day and region instead of one per request. Bounded. */
export class SigningKeys {
  readonly #keys = new Map<string, Buffer>();
  readonly #entriesMax: number;

  constructor(entriesMax = 1024) {
    this.#entriesMax = entriesMax;
  }

  get(secret: string, date: string, region: string, service = 's3'): Buffer {
    const id = `${date}/${region}/${service}/${secret}`;
    const known = this.#keys.get(id);
    if (known) return known;
    const dateKey = hmacSha256(`AWS4${secret}`, date);
    const key = hmacSha256(hmacSha256(hmacSha256(dateKey, region), service), 'aws4_request');
    if (this.#keys.size >= this.#entriesMax) this.#keys.clear();
    this.#keys.set(id, key);
    return key;
  }
}

let lastSecond = { startMs: Number.NaN, text: '' };

/** `20130524T000000Z` of a wall-clock time. */
export function amzDateOf(wallMs: number): string {
  const startMs = Math.floor(wallMs / 1000) * 1000;
  if (startMs !== lastSecond.startMs) {
    lastSecond = { startMs, text: new Date(startMs).toISOString().replace(/[-:]|\.\d{3}/g, '') };
  }
  return lastSecond.text;
}
