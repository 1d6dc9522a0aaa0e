/**
 * What a start does: takes in the segments that are there, the index pieces that are good, and replays the
 * rest of the log on them. It changes nothing on disk but files that belong to nothing.
 */
import { join } from 'node:path';
import { type Frame, headerBytes, keyWord, recordBytesMax, recordKind, scanFrames } from './frame.ts';
import type { KeyIndex } from './key-index.ts';
import { locationOf, positionOf, segmentSlots, slotOf } from './location.ts';
import { type LogFiles, readAll } from './log-files.ts';
import {
  newSegment,
  type Segment,
  type Segments,
  sealBytes,
  segmentHeader,
  segmentHeaderBytes,
  segmentIdOf,
  segmentPath,
} from './segments.ts';
import { loadPiece, pieceCount, pieceOf, pieceOfName, piecePath, readPiece } from './snapshot.ts';

export interface Recovered {
  /** Something was written and cannot be read: a drop may be lost. */
  readonly isDamaged: boolean;
  /** By piece: bytes of its file; 0: none. */
  readonly pieceBytes: Float64Array;
}

const chunkBytes = 1024 * 1024;

export class Recovery {
  readonly #files: LogFiles;
  readonly #directory: string;
  readonly #logId: number;
  readonly #index: KeyIndex;
  readonly #segments: Segments;
  readonly #pieceBytes = new Float64Array(pieceCount);
  /** By piece: records before it are in the index already. */
  readonly #replayFrom = new Float64Array(pieceCount);
  readonly #chunk = Buffer.allocUnsafe(chunkBytes + recordBytesMax);
  #isDamaged = false;

  constructor(
    files: LogFiles,
    of: { directory: string; logId: number; index: KeyIndex; segments: Segments },
  ) {
    this.#files = files;
    this.#directory = of.directory;
    this.#logId = of.logId;
    this.#index = of.index;
    this.#segments = of.segments;
  }

  /** @throws Error where the directory or a segment cannot be read at all. */
  run(): Recovered {
    const names = this.#files.readdirSync(this.#directory);
    this.#adoptSegments(names);
    this.#loadPieces(names);
    this.#replay();
    // Where the log's end is lost, pieces may be of what was there: new records must not hide behind them.
    if (Math.max(...this.#replayFrom) > this.#end()) {
      this.#index.clear();
      for (let piece = 0; piece < pieceCount; piece += 1) this.#removePiece(piece);
      this.#replay();
    }
    return { isDamaged: this.#isDamaged, pieceBytes: this.#pieceBytes };
  }

  /** Before a gap, a drop may be missing that concerns what is older: those segments are not taken in. */
  #adoptSegments(names: readonly string[]): void {
    const ids = names.map(segmentIdOf).filter((id) => id !== undefined);
    ids.sort((a, b) => a - b);
    const found: Segment[] = [];
    for (const id of ids) {
      const segment = this.#openSegment(id);
      // Made, and then the process ended.
      if (segment === 'empty' && id === ids.at(-1)) continue;
      const previous = found.at(-1);
      if (typeof segment === 'string' || (previous && previous.id + 1 !== id)) {
        this.#isDamaged = true;
        for (const { path, descriptor } of found.splice(0)) {
          this.#files.closeSync(descriptor);
          this.#files.rmSync(path, { force: true });
        }
      }
      if (typeof segment !== 'string') found.push(segment);
    }
    for (const segment of found) this.#segments.adopt(segment);
  }

  /** What is no segment of this log, or has nothing in it, is removed. */
  #openSegment(id: number): Segment | 'empty' | 'foreign' {
    const path = segmentPath(this.#directory, id);
    const descriptor = this.#files.openSync(path, 'r+');
    const { size, mtimeMs } = this.#files.fstatSync(descriptor);
    const header = Buffer.alloc(segmentHeaderBytes);
    readAll(this.#files, descriptor, { bytes: header, at: 0, length: segmentHeaderBytes, position: 0 });
    if (header.equals(segmentHeader(this.#logId, id))) {
      const segment = newSegment({ id, path, descriptor, sizeBytes: size }, mtimeMs);
      this.#takeSeal(segment);
      return segment;
    }
    this.#files.closeSync(descriptor);
    this.#files.rmSync(path, { force: true });
    return size < segmentHeaderBytes ? 'empty' : 'foreign';
  }

  #takeSeal(segment: Segment): void {
    const bytes = Buffer.alloc(sealBytes);
    const position = segment.sizeBytes - sealBytes;
    if (position < segmentHeaderBytes) return;
    readAll(this.#files, segment.descriptor, { bytes, at: 0, length: sealBytes, position });
    scanFrames(bytes, sealBytes, (_, { kind }) => {
      if (kind !== recordKind.seal) return;
      segment.isSealed = true;
      segment.records = bytes.readUInt32LE(headerBytes);
    });
  }

  #loadPieces(names: readonly string[]): void {
    for (const name of names) {
      const piece = pieceOfName(name);
      if (piece === undefined) {
        if (name.endsWith('.tmp')) this.#files.rmSync(join(this.#directory, name), { force: true });
        continue;
      }
      const position = this.#loadPiece(piece);
      if (position === undefined) this.#removePiece(piece);
      else this.#replayFrom[piece] = position;
    }
  }

  #loadPiece(piece: number): number | undefined {
    const { oldest, newest } = this.#segments;
    const bytes = readPiece(this.#files, this.#directory, piece);
    if (!bytes || !oldest || !newest) return undefined;
    this.#pieceBytes[piece] = bytes.length;
    const keepIn = (newestIdThen: number) => keeperOf(newestIdThen, oldest.id);
    return loadPiece(this.#index, piece, { bytes, logId: this.#logId, endPosition: this.#end(), keepIn });
  }

  #removePiece(piece: number): void {
    this.#files.rmSync(piecePath(this.#directory, piece), { force: true });
    this.#pieceBytes[piece] = 0;
    this.#replayFrom[piece] = 0;
  }

  #end(): number {
    const { newest } = this.#segments;
    return newest ? positionOf(newest.id, newest.sizeBytes) : 0;
  }

  #replay(): void {
    const { newest } = this.#segments;
    if (!newest) return;
    const from = Math.min(...this.#replayFrom);
    for (const segment of this.#segments.all) {
      const isKnown = positionOf(segment.id, segment.sizeBytes) <= from && segment.isSealed;
      if (isKnown) continue;
      this.#replaySegment(segment, segment === newest);
    }
  }

  #replaySegment(segment: Segment, isNewest: boolean): void {
    let records = 0;
    const stopped = readFrames(this.#files, segment, this.#chunk, (offset, at, frame) => {
      if (frame.kind !== recordKind.seal) records += 1;
      this.#apply(positionOf(segment.id, offset), locationOf(segment.id, offset), at, frame);
    });
    if (stopped.by === 'bad' || (!isNewest && stopped.at < segment.sizeBytes)) this.#isDamaged = true;
    if (stopped.at < segment.sizeBytes) segment.isSealed = false;
    segment.records = Math.max(records, segment.isSealed ? segment.records : 0);
    if (!isNewest) return;
    // Appends go on from here.
    this.#segments.sizeBytes -= segment.sizeBytes - stopped.at;
    segment.sizeBytes = stopped.at;
  }

  #apply(position: number, location: number, at: number, frame: Frame): void {
    const word0 = keyWord(this.#chunk, at, 0);
    if (position < this.#replayFrom[pieceOf(word0)]!) return;
    const word1 = keyWord(this.#chunk, at, 1);
    if (frame.kind === recordKind.put) this.#index.set(word0, word1, location);
    else if (frame.kind === recordKind.drop) this.#index.delete(word0, word1);
  }
}

/** Which entries of a piece lead to segments that are still there. */
function keeperOf(newestIdThen: number, oldestId: number): (location: number) => boolean {
  const newestSlot = newestIdThen % segmentSlots;
  return (location) => {
    const behind = (newestSlot - slotOf(location) + segmentSlots) % segmentSlots;
    return newestIdThen - behind >= oldestId;
  };
}

/** Reads a segment's records in order. @returns where it had to stop. @throws Error of the disk. */
function readFrames(
  files: LogFiles,
  segment: Segment,
  chunk: Buffer,
  visit: (offset: number, at: number, frame: Frame) => void,
): { at: number; by: 'short' | 'bad' } {
  let position = segmentHeaderBytes;
  for (;;) {
    const length = Math.min(chunk.length, segment.sizeBytes - position);
    const read = readAll(files, segment.descriptor, { bytes: chunk, at: 0, length, position });
    const start = position;
    const { end, stoppedBy } = scanFrames(chunk, read, (at, frame) => visit(start + at, at, frame));
    position += end;
    if (stoppedBy === 'bad' || end === 0 || read < length) return { at: position, by: stoppedBy };
  }
}
