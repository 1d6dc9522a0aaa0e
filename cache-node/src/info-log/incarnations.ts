/**
 * The incarnations of buckets that were deleted, one line each time in a file of their own: they must outlive
 * the segments. A line is in the system's hands before `renew` returns.
 */
import { join } from 'node:path';
import { crc32 } from '@node-rs/crc32';
import { type LogFiles, replaceFile, writeAll } from './log-files.ts';

/** Buckets with an incarnation of their own. Past it everything is forgotten, and all begin anew. */
const bucketsMax = 10_000;

/** Lines of buckets that have a later one since are taken out when the file is larger. */
const sizeBytesMax = 4 * 1024 * 1024;

export class Incarnations {
  readonly #files: LogFiles;
  readonly #path: string;
  readonly #ofBucket: Map<string, number>;
  #descriptor: number | undefined;
  #sizeBytes = 0;

  private constructor(files: LogFiles, path: string, ofBucket: Map<string, number>) {
    this.#files = files;
    this.#path = path;
    this.#ofBucket = ofBucket;
  }

  /**
   * Changes nothing on disk before `begin`. `isDamaged`: a line is bad, or the file is not there: an
   * incarnation may be missing. @throws Error
   */
  static read(files: LogFiles, directory: string): { incarnations: Incarnations; isDamaged: boolean } {
    const path = join(directory, 'buckets');
    const text = readIfAny(files, path);
    const { ofBucket, isDamaged } = parse(text ?? '');
    const incarnations = new Incarnations(files, path, ofBucket);
    return { incarnations, isDamaged: isDamaged || text === undefined };
  }

  /** Writes the file anew, also because the next line would run into one that was cut off. @throws Error */
  begin(): void {
    this.close();
    const text = [...this.#ofBucket].map(([identity, incarnation]) => lineOf(identity, incarnation)).join('');
    replaceFile(this.#files, this.#path, text);
    this.#descriptor = this.#files.openSync(this.#path, 'r+');
    this.#sizeBytes = Buffer.byteLength(text);
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  of(identity: string): number {
    return this.#ofBucket.get(identity) ?? 0;
  }

  /** @throws Error where it cannot be kept, or there are too many. */
  renew(identity: string): void {
    if (this.#ofBucket.size >= bucketsMax && !this.#ofBucket.has(identity)) {
      throw new Error(`more than ${bucketsMax} buckets were deleted`);
    }
    if (this.#sizeBytes > sizeBytesMax) this.begin();
    if (this.#descriptor === undefined) throw new Error('the incarnations of buckets are closed');
    const incarnation = this.of(identity) + 1;
    const line = Buffer.from(lineOf(identity, incarnation));
    writeAll(this.#files, this.#descriptor, line, this.#sizeBytes);
    this.#sizeBytes += line.length;
    this.#ofBucket.set(identity, incarnation);
  }

  /** @throws Error */
  sync(): void {
    if (this.#descriptor !== undefined) this.#files.fsyncSync(this.#descriptor);
  }

  close(): void {
    if (this.#descriptor !== undefined) this.#files.closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

function readIfAny(files: LogFiles, path: string): string | undefined {
  try {
    return files.readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function lineOf(identity: string, incarnation: number): string {
  const body = JSON.stringify([identity, incarnation]);
  return `${crc32(body).toString(16)} ${body}\n`;
}

function parse(text: string): { ofBucket: Map<string, number>; isDamaged: boolean } {
  const ofBucket = new Map<string, number>();
  const lines = text.split('\n');
  let isDamaged = lines.pop() !== '';
  for (const line of lines) {
    const body = line.slice(line.indexOf(' ') + 1);
    if (line !== `${crc32(body).toString(16)} ${body}`) {
      isDamaged = true;
      continue;
    }
    const [identity, incarnation] = JSON.parse(body) as [string, number];
    ofBucket.set(identity, incarnation);
  }
  return { ofBucket, isDamaged };
}
