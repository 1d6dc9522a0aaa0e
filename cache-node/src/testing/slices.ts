/** Reads a body as a sender does that takes what files are lent, and often cannot send all of one at once. */
import { readSync } from 'node:fs';
import type { SlicedBody } from '@forebay/core/pieces';

export interface SliceCounts {
  fileSlices: number;
  fileBytes: number;
}

/** @param random from 0 up to 1: below a half the next piece is asked for with `next` */
export async function* slicesOf(
  body: SlicedBody,
  random: () => number,
  counts: SliceCounts = { fileSlices: 0, fileBytes: 0 },
): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const piece = random() < 0.5 ? (await body.next()).value : await body.nextSlice();
      if (piece === undefined) return;
      if (piece instanceof Uint8Array) {
        yield piece;
        continue;
      }
      const sentBytes = random() < 0.5 ? piece.lengthBytes : Math.floor(random() * piece.lengthBytes);
      const bytes = Buffer.alloc(sentBytes);
      if (readSync(piece.file, bytes, 0, sentBytes, piece.offset) < sentBytes) throw new Error('cut');
      if (sentBytes < piece.lengthBytes) body.unread(piece.lengthBytes - sentBytes);
      counts.fileSlices += 1;
      counts.fileBytes += sentBytes;
      yield bytes;
    }
  } finally {
    await body.return?.();
  }
}
