/**
 * The segment files of the info log, oldest first, and the buffer before the newest one. Records are appended
 * to the buffer and found there at once; `flush` hands them to the system. Segments go from the oldest end
 * only: what a later one drops must not outlive the drop.
 */
import { join } from 'node:path';
import { crc32 } from '@node-rs/crc32';
import {
  type Frame,
  frameAt,
  framedBytes,
  headerBytes,
  isSound,
  keyBytes,
  recordBytesMax,
  recordKind,
  sealFrame,
} from './frame.ts';
import { locationOf, offsetOf, segmentSlots, slotOf } from './location.ts';
import { type LogFiles, readAll, writeAll } from './log-files.ts';

export interface Segment {
  readonly id: number;
  readonly path: string;
  readonly descriptor: number;
  /** In the system's hands. */
  sizeBytes: number;
  /** Puts and drops. */
  records: number;
  /** When its latest record was appended. */
  newestWallMs: number;
  isSealed: boolean;
  isSynced: boolean;
  /** Reads under way that need the descriptor; once it is gone the last of them closes it. */
  reads: number;
  isGone: boolean;
}

/** A record as it lies in a buffer, until the next call. */
export interface FoundRecord {
  readonly bytes: Buffer;
  readonly at: number;
  readonly frame: Frame;
}

/** Before a segment's first record: what it is, which log it belongs to, its number, and their CRC32. */
export const segmentHeaderBytes = 32;
/** A seal's payload: the number of puts and drops in the segment. */
export const sealBytes = framedBytes(4);
const magic = 'FBINFOL1';
const bufferBytes = 256 * 1024;
const firstReadBytes = 512;
const noKey = new Uint8Array(keyBytes);

export class Segments {
  readonly all: Segment[] = [];
  /** Everything on disk and in the buffer. */
  sizeBytes = 0;
  readonly #files: LogFiles;
  readonly #directory: string;
  readonly #logId: number;
  readonly #segmentBytes: number;
  readonly #bySlot: (Segment | undefined)[] = new Array(segmentSlots);
  readonly #buffer = Buffer.allocUnsafe(bufferBytes);
  readonly #scratch = Buffer.allocUnsafe(recordBytesMax);
  #buffered = 0;

  constructor(files: LogFiles, options: { directory: string; logId: number; segmentBytes: number }) {
    this.#files = files;
    this.#directory = options.directory;
    this.#logId = options.logId;
    this.#segmentBytes = options.segmentBytes;
  }

  get bufferedBytes(): number {
    return this.#buffered;
  }

  get newest(): Segment | undefined {
    return this.all.at(-1);
  }

  get oldest(): Segment | undefined {
    return this.all[0];
  }

  /** Where the next record goes, in the newest segment. */
  get endBytes(): number {
    return (this.newest?.sizeBytes ?? 0) + this.#buffered;
  }

  inSlot(slot: number): Segment | undefined {
    return this.#bySlot[slot];
  }

  /** Takes in a segment that a start found. */
  adopt(segment: Segment): void {
    this.all.push(segment);
    this.#bySlot[segment.id % segmentSlots] = segment;
    this.sizeBytes += segment.sizeBytes;
  }

  /** Whether a record of this size asks for a new segment first. */
  needsNext(wholeBytes: number): boolean {
    const newest = this.newest;
    return !newest || newest.isSealed || this.endBytes + wholeBytes + sealBytes > this.#segmentBytes;
  }

  /** Seals the newest segment and begins the next. @throws Error with nothing begun. */
  beginNext(wallMs: number): Segment {
    const id = (this.newest?.id ?? 0) + 1;
    this.#sealNewest(wallMs);
    const path = segmentPath(this.#directory, id);
    const descriptor = this.#files.openSync(path, 'w+', 0o600);
    const segment = newSegment({ id, path, descriptor, sizeBytes: 0 }, wallMs);
    this.adopt(segment);
    this.#put(segmentHeader(this.#logId, id));
    return segment;
  }

  #sealNewest(wallMs: number): void {
    const newest = this.newest;
    if (!newest) return;
    if (!newest.isSealed) {
      const record = Buffer.alloc(sealBytes);
      record.writeUInt32LE(newest.records, headerBytes);
      const wallSeconds = Math.floor(wallMs / 1000);
      sealFrame(record, { kind: recordKind.seal, key: noKey, wallSeconds, payloadBytes: 4 });
      this.append(record, wallMs);
      newest.records -= 1;
      newest.isSealed = true;
    }
    this.flush();
  }

  /**
   * Appends a whole record to the newest segment, where it must fit. @returns its location.
   * @throws Error with nothing appended, where the buffer is full and cannot be flushed.
   */
  append(record: Buffer, wallMs: number): number {
    if (this.#buffered + record.length > bufferBytes) this.flush();
    const newest = this.newest!;
    const location = locationOf(newest.id, this.endBytes);
    this.#put(record);
    newest.records += 1;
    newest.newestWallMs = wallMs;
    return location;
  }

  #put(bytes: Buffer): void {
    bytes.copy(this.#buffer, this.#buffered);
    this.#buffered += bytes.length;
    this.sizeBytes += bytes.length;
  }

  /** Hands the buffer to the system. @throws Error with everything still buffered. */
  flush(): void {
    const newest = this.newest;
    if (!newest || this.#buffered === 0) return;
    const bytes = this.#buffer.subarray(0, this.#buffered);
    writeAll(this.#files, newest.descriptor, bytes, newest.sizeBytes);
    newest.sizeBytes += this.#buffered;
    newest.isSynced = false;
    this.#buffered = 0;
  }

  /** The record at a location; undefined where it is gone or damaged. @throws Error of the disk. */
  read(location: number): FoundRecord | undefined {
    const segment = this.#bySlot[slotOf(location)];
    if (!segment) return undefined;
    const offset = offsetOf(location);
    if (offset >= segment.sizeBytes) return this.#readBuffer(segment, offset - segment.sizeBytes);
    const bytes = this.#scratch;
    const length = Math.min(firstReadBytes, segment.sizeBytes - offset);
    const read = this.#files.readSync(segment.descriptor, bytes, 0, length, offset);
    const frame = frameAt(bytes, 0, recordBytesMax);
    if (read < headerBytes || typeof frame === 'string') return undefined;
    const rest = { bytes, at: read, length: frame.wholeBytes - read, position: offset + read };
    if (rest.length > 0 && readAll(this.#files, segment.descriptor, rest) < rest.length) return undefined;
    return isSound(bytes, 0, frame) ? { bytes, at: 0, frame } : undefined;
  }

  #readBuffer(segment: Segment, at: number): FoundRecord | undefined {
    if (segment !== this.newest || at >= this.#buffered) return undefined;
    const frame = frameAt(this.#buffer, at, this.#buffered);
    return typeof frame === 'string' ? undefined : { bytes: this.#buffer, at, frame };
  }

  /** Unlinks the oldest segment, which is not the newest. @throws Error with the segment still there. */
  removeOldest(): Segment {
    const segment = this.all[0]!;
    this.#files.rmSync(segment.path, { force: true });
    this.all.shift();
    this.#bySlot[segment.id % segmentSlots] = undefined;
    this.sizeBytes -= segment.sizeBytes;
    segment.isGone = true;
    if (segment.reads === 0) this.#files.closeSync(segment.descriptor);
    return segment;
  }

  /** To be called after a read that held the segment with `reads`. */
  releaseRead(segment: Segment): void {
    segment.reads -= 1;
    if (segment.reads === 0 && segment.isGone) this.#files.closeSync(segment.descriptor);
  }

  /** Makes everything outlive the machine. @throws Error */
  sync(): void {
    for (const segment of this.all) {
      if (!segment.isSynced) this.#files.fsyncSync(segment.descriptor);
      segment.isSynced = true;
    }
  }

  /** Closes every file as it is. */
  close(): void {
    for (const segment of this.all.splice(0)) {
      segment.isGone = true;
      if (segment.reads === 0) this.#files.closeSync(segment.descriptor);
    }
    this.#bySlot.fill(undefined);
    this.#buffered = 0;
    this.sizeBytes = 0;
  }
}

export function newSegment(
  of: Pick<Segment, 'id' | 'path' | 'descriptor' | 'sizeBytes'>,
  newestWallMs: number,
): Segment {
  return { ...of, records: 0, newestWallMs, isSealed: false, isSynced: false, reads: 0, isGone: false };
}

export function segmentPath(directory: string, id: number): string {
  return join(directory, `${String(id).padStart(10, '0')}.log`);
}

/** The number of the segment that a file is; undefined: it is none. */
export function segmentIdOf(name: string): number | undefined {
  const digits = /^(\d{10,})\.log$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function segmentHeader(logId: number, id: number): Buffer {
  const header = Buffer.alloc(segmentHeaderBytes);
  header.write(magic, 0, 'latin1');
  header.writeUInt32LE(logId, 8);
  header.writeDoubleLE(id, 12);
  header.writeUInt32LE(crc32(header.subarray(0, 20)), 20);
  return header;
}
