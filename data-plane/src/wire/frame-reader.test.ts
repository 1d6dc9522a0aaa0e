import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dataBytesMax,
  type FrameHeader,
  frameType,
  headerBytes,
  ProtocolError,
  writeHeader,
} from './frame.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import { ReadBuffers } from './read-buffers.ts';

interface Sent {
  readonly type: number;
  readonly stream: number;
  readonly flags: number;
  readonly meta: Buffer;
  readonly body: Buffer;
}

function bytesOf({ type, stream, flags, meta, body }: Sent): Buffer {
  const header = Buffer.alloc(headerBytes);
  const payloadBytes = meta.length + body.length;
  writeHeader(header, 0, { type, stream, flags, metaBytes: meta.length, payloadBytes });
  return Buffer.concat([header, meta, body]);
}

/** Keeps what it is shown, spoiled buffers and all: odd streams want no data. */
class Kept implements FrameSink {
  readonly frames: Sent[] = [];
  readonly buffers = new ReadBuffers({ keptBytesMax: 1024 * 1024 });
  #data: Buffer[] = [];

  onHeader(): void {}

  onFrame({ type, stream, flags }: FrameHeader, meta: Buffer, body: Buffer): void {
    this.frames.push({ type, stream, flags, meta: Buffer.from(meta), body: Buffer.from(body) });
  }

  wantsData(stream: number): boolean {
    return stream % 2 === 0;
  }

  relays(): boolean {
    return false;
  }

  draw(): number {
    return 0;
  }

  wakeAt(): void {}

  onData(_stream: number, bytes: Buffer, buffer: Buffer): void {
    this.#data.push(Buffer.from(bytes));
    buffer.fill(0xdb);
    this.buffers.give(buffer);
  }

  onDataEnd({ type, stream, flags }: FrameHeader): void {
    this.frames.push({ type, stream, flags, meta: Buffer.alloc(0), body: Buffer.concat(this.#data) });
    this.#data = [];
  }
}

const part = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));
const stream = fc.nat({ max: 2 ** 32 - 1 });
const flags = fc.nat({ max: 255 });
const small = fc.record({
  type: fc.constantFrom(frameType.open, frameType.answer),
  stream,
  flags,
  meta: part(100),
  body: part(100),
});
/** Up to what needs more than one buffer, too. */
const data = fc
  .record({
    stream,
    flags,
    size: fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: dataBytesMax })),
    fill: fc.nat(255),
  })
  .map(({ size, fill, ...rest }) => {
    return { ...rest, type: frameType.data, meta: Buffer.alloc(0), body: Buffer.alloc(size, fill) };
  });
const frames = fc.array(fc.oneof(small, data), { maxLength: 12 });
const cuts = fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 50 });

function shown(sent: readonly Sent[]): Sent[] {
  return sent.map((frame) => {
    const isThrownAway = frame.type === frameType.data && frame.stream % 2 === 1;
    return isThrownAway ? { ...frame, body: Buffer.alloc(0) } : frame;
  });
}

function textOf(sent: readonly Sent[]): string {
  return sent
    .map(({ type, stream, flags, meta, body }) => {
      return [type, stream, flags, meta.toString('hex'), body.toString('base64')].join(' ');
    })
    .join('\n');
}

describe('a reader of frames', () => {
  it('shows the frames that were sent, in whatever cuts they come', () => {
    fc.assert(
      fc.property(frames, cuts, fc.boolean(), (sent, lengths, direct) => {
        const kept = new Kept();
        const reader = new FrameReader(kept, kept.buffers);
        const bytes = Buffer.concat(sent.map(bytesOf));
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const length = lengths[turn % lengths.length]!;
          if (direct) {
            const target = reader.nextBuffer();
            const copied = bytes.copy(target, 0, at, Math.min(bytes.length, at + length));
            reader.onRead(copied);
            at += copied;
          } else {
            reader.push(bytes.subarray(at, at + length));
            at += length;
          }
        }
        expect(textOf(kept.frames)).toBe(textOf(shown(sent)));
        expect(kept.buffers.lentBytes).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('takes no frame that is none, and never fails in another way', () => {
    const noise = fc.tuple(fc.constantFrom(...Object.values(frameType)), part(60)).map(([type, bytes]) => {
      const begun = bytesOf({ type, stream: 1, flags: 0, meta: Buffer.alloc(0), body: Buffer.alloc(0) });
      return Buffer.concat([begun.subarray(0, bytes.length % 17), bytes]);
    });
    fc.assert(
      fc.property(fc.oneof(noise, part(200)), (bytes) => {
        const kept = new Kept();
        const reader = new FrameReader(kept, kept.buffers);
        try {
          reader.push(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
        reader.close();
        expect(kept.buffers.lentBytes).toBe(0);
      }),
      { numRuns: 2000 },
    );
  });
});
