/**
 * An info log that is open: its files, its index, and the budget that all keep to. Room is made before it is
 * needed, by taking the oldest segment away, also where the disk itself is full.
 */
import { join } from 'node:path';
import type { Log } from '@forebay/core/log';
import { Incarnations } from './incarnations.ts';
import { KeyIndex, shardCount } from './key-index.ts';
import { segmentBytesLimit, segmentSlots } from './location.ts';
import type { LogFiles } from './log-files.ts';
import {
  type LogState,
  newLogState,
  nextSession,
  readLogState,
  removeLogState,
  syncLogState,
  writeLogState,
} from './log-state.ts';
import { Recovery } from './recovery.ts';
import { Segments } from './segments.ts';

export interface OpenLogOptions {
  readonly files: LogFiles;
  readonly directory: string;
  readonly sizeBytesMax: number;
  readonly bootId: string | undefined;
  readonly wallMs: () => number;
  readonly log: Log;
}

const segmentsPerBudget = 32;
const segmentBytesMin = 128 * 1024;
/** Slots are used anew while entries of their last use are swept out: never all of them. */
const segmentsMax = segmentSlots - 64;
/** Memory is bounded by the disk's budget: one entry for each so many bytes of it at most. */
const bytesPerEntryMin = 96;
/** The state, its successor beside it, and what a directory takes itself. */
const reservedBytes = 16 * 1024;

export class OpenLog {
  readonly options: OpenLogOptions;
  readonly index = new KeyIndex();
  readonly segments: Segments;
  readonly incarnations: Incarnations;
  readonly segmentBytes: number;
  /** By piece of the index: bytes of its file. */
  readonly pieceBytes: Float64Array;
  /** Bytes of a piece that is being written. */
  pieceInFlightBytes = 0;
  /** Since the start. */
  appendedBytes = 0;
  isOver = false;
  #state: LogState;
  #piecesBytes = 0;

  /** @throws Error with no file left open. */
  private constructor(options: OpenLogOptions, before: LogState | undefined) {
    const state = before ? nextSession(before, options.bootId) : newLogState(options.bootId);
    const { files, directory } = options;
    this.options = options;
    this.segmentBytes = segmentBytesOf(options.sizeBytesMax);
    this.segments = new Segments(files, { directory, logId: state.logId, segmentBytes: this.segmentBytes });
    try {
      const read = Incarnations.read(files, directory);
      this.incarnations = read.incarnations;
      const parts = { directory, logId: state.logId, index: this.index, segments: this.segments };
      const recovered = new Recovery(files, parts).run();
      this.pieceBytes = recovered.pieceBytes;
      this.#sumPieces();
      const isDamaged = before !== undefined && (read.isDamaged || recovered.isDamaged);
      this.#state = isDamaged ? { ...state, trustedFrom: state.session } : state;
      // Before what was damaged is cut off or written anew: from then on nothing else tells of it.
      writeLogState(files, directory, this.#state);
      if (before?.isClosed) syncLogState(files, directory);
      this.incarnations.begin();
      const { newest } = this.segments;
      if (newest) files.ftruncateSync(newest.descriptor, newest.sizeBytes);
      this.#makeRoom(0);
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  /** What cannot be read as a log is made anew, empty. @throws Error where that fails as well. */
  static open(options: OpenLogOptions): OpenLog {
    const { files, directory, log } = options;
    files.mkdirSync(directory, { recursive: true, mode: 0o700 });
    const before = readLogState(files, directory);
    if (before) {
      try {
        return new OpenLog(options, before);
      } catch (error) {
        log.warn({ reason: (error as Error).message }, 'info log: unreadable, begun anew');
      }
    } else if (files.readdirSync(directory).length > 0) {
      log.warn({}, 'info log: its state is damaged, begun anew');
    }
    return OpenLog.begin(options);
  }

  /** Removes every file, which works on a full disk too. @throws Error */
  static begin(options: OpenLogOptions): OpenLog {
    const { files, directory } = options;
    removeLogState(files, directory);
    for (const name of files.readdirSync(directory)) {
      files.rmSync(join(directory, name), { force: true, recursive: true });
    }
    return new OpenLog(options, undefined);
  }

  get session(): number {
    return this.#state.session;
  }

  get logId(): number {
    return this.#state.logId;
  }

  /** Records of earlier sessions are not to be trusted. */
  get trustedFrom(): number {
    return this.#state.trustedFrom;
  }

  get sizeBytes(): number {
    const { segments, incarnations } = this;
    return (
      segments.sizeBytes +
      this.#piecesBytes +
      this.pieceInFlightBytes +
      2 * incarnations.sizeBytes +
      reservedBytes
    );
  }

  /** From here on the background makes room. */
  get isNearlyFull(): boolean {
    return (
      this.sizeBytes > this.options.sizeBytesMax - 2 * this.segmentBytes ||
      this.segments.all.length > segmentsMax - 2
    );
  }

  /** Appends a whole record. @returns its location. @throws Error with nothing appended. */
  append(record: Buffer): number {
    this.#makeRoom(record.length + 256);
    const wallMs = this.options.wallMs();
    if (this.segments.needsNext(record.length)) this.#beginNext(wallMs);
    const location = this.#withRoom(() => this.segments.append(record, wallMs));
    this.appendedBytes += record.length;
    return location;
  }

  #beginNext(wallMs: number): void {
    const nextSlot = ((this.segments.newest?.id ?? 0) + 1) % segmentSlots;
    if (this.index.isGone(nextSlot)) this.index.sweep(shardCount);
    this.#withRoom(() => this.segments.beginNext(wallMs));
  }

  /** Hands all records to the system. @throws Error */
  flush(): void {
    this.#withRoom(() => this.segments.flush());
  }

  /** @throws Error */
  renew(identity: string): void {
    this.#makeRoom(2 * identity.length + 64);
    this.#withRoom(() => this.incarnations.renew(identity));
  }

  /** Tries once more, a segment less, where the disk is full. */
  #withRoom<T>(write: () => T): T {
    try {
      return write();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC' || !this.evictOldest()) throw error;
      return write();
    }
  }

  /** @throws Error where nothing is left to go. */
  #makeRoom(neededBytes: number): void {
    const { sizeBytesMax } = this.options;
    while (
      this.sizeBytes + neededBytes > sizeBytesMax ||
      this.index.count > sizeBytesMax / bytesPerEntryMin ||
      this.segments.all.length >= segmentsMax
    ) {
      if (!this.evictOldest()) throw new Error('info log: no room within its budget');
    }
  }

  /** @returns whether there was room for so much more, or it could be made. */
  hasRoom(neededBytes: number): boolean {
    try {
      this.#makeRoom(neededBytes);
      return true;
    } catch {
      return false;
    }
  }

  /** @returns false where there is no segment but the one that is written to. @throws Error */
  evictOldest(): boolean {
    if (this.segments.all.length < 2) return false;
    const { id } = this.segments.removeOldest();
    this.index.forgetSlot(id % segmentSlots);
    return true;
  }

  setPieceBytes(piece: number, sizeBytes: number): void {
    this.pieceBytes[piece] = sizeBytes;
    this.#sumPieces();
  }

  #sumPieces(): void {
    this.#piecesBytes = this.pieceBytes.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** So that it may be trusted after whatever becomes of the machine. @throws Error */
  close(): void {
    try {
      this.flush();
      this.segments.sync();
      this.incarnations.sync();
      const { files, directory } = this.options;
      writeLogState(files, directory, { ...this.#state, isClosed: true });
    } finally {
      this.discard();
    }
  }

  /** Closes every file as it is. */
  discard(): void {
    this.isOver = true;
    this.segments.close();
    this.incarnations?.close();
    this.index.clear();
  }
}

function segmentBytesOf(sizeBytesMax: number): number {
  const share = Math.ceil(sizeBytesMax / segmentsPerBudget / 16) * 16;
  return Math.min(segmentBytesLimit, Math.max(segmentBytesMin, share));
}
