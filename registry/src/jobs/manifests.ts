/**
 * Manifests: keys that somebody sent, kept in chunks until a job has gone through them. Three forms are read
 * line by line, told apart by their look: `s3://bucket/key` or a bare key; S3 Inventory's CSV (bucket, key,
 * and size and ETag where they are); an S3 server access log, of which the reads count, each key once.
 */
import { randomBytes } from 'node:crypto';
import { ConfigError } from '@forebay/core/config';
import type { State } from '../state-store.ts';

export interface ManifestLine {
  readonly bucket: string;
  readonly key: string;
  readonly sizeBytes?: number;
  readonly etag?: string;
}

export interface Manifest {
  readonly id: string;
  readonly lines: number;
  readonly bytes?: number | undefined;
}

export interface ManifestForm {
  /** Of keys that are written without one. */
  readonly bucket?: string | undefined;
  /** S3 Inventory's columns, as its manifest.json names them: `Bucket, Key, Size, ETag`. */
  readonly columns?: readonly string[] | undefined;
}

const linesPerChunk = 1000;
export const manifestLinesMax = 100_000_000;
const lineBytesMax = 16 * 1024;
/** Of an access log so many different keys are told apart; a key behind them may come twice. */
const seenMax = 1_000_000;
const defaultColumns = ['Bucket', 'Key', 'Size', 'LastModifiedDate', 'ETag'];

export class Manifests {
  readonly #state: State;

  constructor(state: State) {
    this.#state = state;
  }

  /** @throws ConfigError where a line is none of the forms; nothing is kept then */
  async add(body: AsyncIterable<Uint8Array>, form: ManifestForm): Promise<Manifest> {
    const id = `m-${randomBytes(6).toString('hex')}`;
    const seen = new Set<string>();
    let chunk: ManifestLine[] = [];
    let lines = 0;
    let bytes: number | undefined = 0;
    const flush = async () => {
      if (chunk.length === 0) return;
      await this.#state.set(chunkKey(id, Math.floor((lines - 1) / linesPerChunk)), chunk);
      chunk = [];
    };
    try {
      for await (const { text, number } of textLines(body)) {
        const line = parseLine(text, number, form);
        if (!line || (line.once && isSeen(seen, line))) continue;
        const { once, ...entry } = line;
        chunk.push(entry);
        lines += 1;
        bytes = bytes === undefined || entry.sizeBytes === undefined ? undefined : bytes + entry.sizeBytes;
        if (lines > manifestLinesMax)
          throw new ConfigError(`a manifest has at most ${manifestLinesMax} lines`);
        if (chunk.length === linesPerChunk) await flush();
      }
      await flush();
    } catch (error) {
      await this.#clear(id, lines);
      throw error;
    }
    const manifest = { id, lines, ...(bytes !== undefined && { bytes }) };
    await this.#state.set(`manifest:${id}`, manifest);
    return manifest;
  }

  find(id: string): Promise<Manifest | undefined> {
    return this.#state.get<Manifest>(`manifest:${id}`);
  }

  /** From this line on. */
  async *lines({ id, lines }: Manifest, from: number): AsyncGenerator<ManifestLine, void> {
    for (let at = from; at < lines; ) {
      const number = Math.floor(at / linesPerChunk);
      const chunk = (await this.#state.get<ManifestLine[]>(chunkKey(id, number))) ?? [];
      const rest = chunk.slice(at - number * linesPerChunk);
      if (rest.length === 0) throw new Error(`the manifest ${id} has lost lines`);
      yield* rest;
      at += rest.length;
    }
  }

  async remove(id: string): Promise<void> {
    const manifest = await this.find(id);
    if (!manifest) return;
    await this.#state.delete(`manifest:${id}`);
    await this.#clear(id, manifest.lines);
  }

  async #clear(id: string, lines: number): Promise<void> {
    for (let at = 0; at < lines; at += linesPerChunk)
      await this.#state.delete(chunkKey(id, at / linesPerChunk));
  }
}

function chunkKey(id: string, chunk: number): string {
  return `manifest:${id}:${chunk}`;
}

function isSeen(seen: Set<string>, { bucket, key }: ManifestLine): boolean {
  const name = `${bucket}/${key}`;
  if (seen.has(name)) return true;
  if (seen.size < seenMax) seen.add(name);
  return false;
}

async function* textLines(body: AsyncIterable<Uint8Array>) {
  const decoder = new TextDecoder();
  let rest = '';
  let number = 0;
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > lineBytesMax)
      throw new ConfigError(`a line of the manifest is longer than ${lineBytesMax}`);
    for (const text of lines) {
      number += 1;
      yield { text: text.replace(/\r$/, ''), number };
    }
  }
  if (rest !== '') yield { text: rest.replace(/\r$/, ''), number: number + 1 };
}

type ParsedLine = ManifestLine & { readonly once?: boolean };

/** Undefined: a line that names no key to read. @throws ConfigError */
function parseLine(text: string, number: number, form: ManifestForm): ParsedLine | undefined {
  if (text.trim() === '') return undefined;
  const named = /^s3:\/\/([^/]+)\/(.+)$/s.exec(text);
  if (named) return { bucket: named[1]!, key: named[2]! };
  if (text.startsWith('"') || form.columns) return inventoryLine(text, number, form);
  const logged = /^\S+ (\S+) \[[^\]]+\] \S+ \S+ \S+ (\S+) (\S+) /.exec(text);
  if (logged) return loggedLine(logged);
  if (form.bucket !== undefined) return { bucket: form.bucket, key: text };
  throw new ConfigError(
    `line ${number} of the manifest is neither s3://bucket/key, S3 Inventory nor an access log; ` +
      'bare keys take --bucket',
  );
}

/** Keys of an inventory and of an access log are percent-encoded. */
function inventoryLine(text: string, number: number, { columns = defaultColumns }: ManifestForm): ParsedLine {
  const values = [...text.matchAll(/"((?:[^"]|"")*)"|([^,"]+)|(?<=,)(?=,|$)/g)].map(
    ([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare ?? '',
  );
  const textOf = (name: string) => values[columns.indexOf(name)] || undefined;
  const [bucket, key] = [textOf('Bucket'), decoded(textOf('Key'))];
  if (bucket === undefined || key === undefined) {
    throw new ConfigError(`line ${number} of the inventory has no bucket and key`);
  }
  const size = Number(textOf('Size') ?? Number.NaN);
  const etag = textOf('ETag')?.replace(/^"?(.*?)"?$/, '"$1"');
  return {
    bucket,
    key,
    ...(Number.isSafeInteger(size) && { sizeBytes: size }),
    ...(etag !== undefined && { etag }),
  };
}

function loggedLine([, bucket, operation, keyText]: RegExpExecArray): ParsedLine | undefined {
  if (!/^REST\.GET\.OBJECT$/.test(operation!) || keyText === '-') return undefined;
  const key = decoded(keyText);
  return key === undefined ? undefined : { bucket: bucket!, key, once: true };
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return decodeURIComponent(text.replaceAll('+', '%20'));
  } catch {
    return text;
  }
}
