/**
 * What an info log does in the background, in steps of a millisecond or two: makes room before it is needed,
 * cleans the oldest segment where much of the log is dead, sweeps the index, and writes it down by pieces.
 */

import { type Frame, keyWord, recordKind, scanFrames } from './frame.ts';
import { locationOf, positionOf } from './location.ts';
import { replaceFile } from './log-files.ts';
import type { OpenLog } from './open-log.ts';
import { type Segment, segmentHeaderBytes } from './segments.ts';
import { dumpPiece, pieceCount, piecePath } from './snapshot.ts';

/** More than any record. */
const chunkBytes = 128 * 1024;
const shardsPerSweep = 32;
/** A log that is smaller has no pieces. */
const piecelessBytesMax = 32 * 1024 * 1024;
const ttlCheckMs = 60_000;
/** More of the log dead than this: the oldest segment is cleaned, for what is dead in it or the next ones. */
const deadShareMax = 0.5;
/** And where the log is full: so much dead is worth copying the rest. */
const deadShareWhenFull = 0.25;
const segmentsKept = 8;

export class Maintenance {
  readonly #log: OpenLog;
  readonly #ttlMs: number;
  readonly #bytesPerPiece: number;
  readonly #piecelessBytes: number;
  readonly #ttlTimer: NodeJS.Timeout;
  #nextPiece = 0;
  #dumpAtBytes: number;
  #segmentSeen = 0;
  #isRunning = false;

  constructor(log: OpenLog, options: { ttlMs: number; replayBytesMax: number }) {
    this.#log = log;
    this.#ttlMs = options.ttlMs;
    this.#bytesPerPiece = options.replayBytesMax / pieceCount;
    this.#piecelessBytes = Math.min(piecelessBytesMax, options.replayBytesMax);
    this.#dumpAtBytes = this.#bytesPerPiece;
    this.#ttlTimer = setInterval(() => this.wake(true), ttlCheckMs).unref();
  }

  /** Cheap; to be called after each change. */
  wake(isSure = false): void {
    const { index, segments, appendedBytes } = this.#log;
    const newestId = segments.newest?.id ?? 0;
    const isDue = newestId !== this.#segmentSeen || appendedBytes >= this.#dumpAtBytes || index.isSweeping;
    if (this.#isRunning || !(isDue || isSure)) return;
    this.#segmentSeen = newestId;
    this.#isRunning = true;
    setImmediate(() => void this.#run());
  }

  stop(): void {
    clearInterval(this.#ttlTimer);
  }

  async #run(): Promise<void> {
    try {
      while (!this.#log.isOver && (await this.#step())) await new Promise(setImmediate);
    } catch (error) {
      const reason = (error as Error).message;
      if (!this.#log.isOver) this.#log.options.log.warn({ reason }, 'info log: its maintenance failed');
    } finally {
      this.#isRunning = false;
    }
  }

  /** @returns whether there may be more to do. */
  async #step(): Promise<boolean> {
    const log = this.#log;
    if (log.index.isSweeping) log.index.sweep(shardsPerSweep);
    else if (this.#isOldestVoid()) log.evictOldest();
    else if (log.isNearlyFull && log.segments.all.length > 1) await this.#makeRoom();
    else if (this.#deadShare() > deadShareMax && log.segments.all.length > segmentsKept) await this.#clean();
    else if (log.appendedBytes >= this.#dumpAtBytes) await this.#dumpNext();
    else return false;
    return true;
  }

  #isOldestVoid(): boolean {
    const { oldest, newest } = this.#log.segments;
    if (this.#ttlMs === 0 || !oldest || oldest === newest) return false;
    return this.#log.options.wallMs() - oldest.newestWallMs > this.#ttlMs;
  }

  async #makeRoom(): Promise<void> {
    if (this.#deadShare() > deadShareWhenFull) await this.#clean();
    else this.#log.evictOldest();
  }

  /** Of all records, those that nobody can find any more. */
  #deadShare(): number {
    const records = this.#log.segments.all.reduce((sum, segment) => sum + segment.records, 0);
    return records === 0 ? 0 : 1 - this.#log.index.count / records;
  }

  /** Appends the oldest segment's live records anew, and takes it away. Nothing older needs its drops. */
  async #clean(): Promise<void> {
    const segment = this.#log.segments.oldest!;
    segment.reads += 1;
    try {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      let position = segmentHeaderBytes;
      while (!segment.isGone) {
        const length = await this.#readChunk(segment, chunk, position);
        if (segment.isGone || length === 0) break;
        const start = position;
        const { end } = scanFrames(chunk, length, (at, frame) => {
          this.#keepIfLive(locationOf(segment.id, start + at), chunk, at, frame);
        });
        if (end === 0) break;
        position += end;
      }
    } finally {
      this.#log.segments.releaseRead(segment);
    }
    if (segment.isGone) return;
    this.#log.flush();
    this.#log.evictOldest();
  }

  #readChunk(segment: Segment, chunk: Buffer, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#log.options.files.read(segment.descriptor, chunk, 0, chunk.length, position, (error, read) => {
        if (error) reject(error);
        else resolve(read);
      });
    });
  }

  #keepIfLive(location: number, chunk: Buffer, at: number, frame: Frame): void {
    if (frame.kind !== recordKind.put) return;
    const { index, options } = this.#log;
    const [word0, word1] = [keyWord(chunk, at, 0), keyWord(chunk, at, 1)];
    if (index.find(word0, word1) !== location) return;
    if (this.#ttlMs > 0 && options.wallMs() - frame.wallSeconds * 1000 > this.#ttlMs) return;
    const moved = this.#log.append(chunk.subarray(at, at + frame.wholeBytes));
    index.set(word0, word1, moved);
  }

  async #dumpNext(): Promise<void> {
    const log = this.#log;
    this.#dumpAtBytes = log.appendedBytes + this.#bytesPerPiece;
    if (!this.#isWorthPieces()) return;
    const piece = this.#nextPiece;
    this.#nextPiece = (piece + 1) % pieceCount;
    const bytes = this.#dump(piece);
    if (!log.hasRoom(bytes.length)) return;
    const path = piecePath(log.options.directory, piece);
    const { files } = log.options;
    log.pieceInFlightBytes = bytes.length;
    try {
      await new Promise<void>((resolve, reject) => {
        files.writeFile(`${path}.tmp`, bytes, { mode: 0o600 }, (error) =>
          error ? reject(error) : resolve(),
        );
      });
      if (log.isOver) return files.rmSync(`${path}.tmp`, { force: true });
      files.renameSync(`${path}.tmp`, path);
      log.setPieceBytes(piece, bytes.length);
    } finally {
      log.pieceInFlightBytes = 0;
    }
  }

  /** All that is written down says where the log was: it must be in the system's hands up to there. */
  #dump(piece: number): Buffer {
    const { index, segments, logId } = this.#log;
    this.#log.flush();
    const newestSegmentId = segments.newest?.id ?? 0;
    const position = positionOf(newestSegmentId, segments.endBytes);
    return dumpPiece(index, piece, { logId, position, newestSegmentId });
  }

  #isWorthPieces(): boolean {
    return this.#log.segments.sizeBytes > this.#piecelessBytes;
  }

  /** At the close: the next start has nothing to replay. @throws Error */
  dumpAll(): void {
    if (!this.#isWorthPieces()) return;
    const { files, directory } = this.#log.options;
    for (let piece = 0; piece < pieceCount; piece += 1) {
      const bytes = this.#dump(piece);
      if (!this.#log.hasRoom(bytes.length)) return;
      replaceFile(files, piecePath(directory, piece), bytes);
      this.#log.setPieceBytes(piece, bytes.length);
    }
  }
}
