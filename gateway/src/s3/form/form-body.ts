/**
 * The file of an upload form, verified while it streams: its last piece comes only when the whole form has
 * been read, its size is one the policy allows, and every digest holds. Its size is known at its end: what
 * follows the file in the form counts in Content-Length as well.
 */
import type { IncomingMessage } from 'node:http';
import { S3Error } from '../errors.ts';
import { uploadBytesMax } from '../operations/upload.ts';
import type { AnnouncedDigests } from '../payload/announced-digests.ts';
import { DigestCheck } from '../payload/digest-check.ts';
import type { FormReader } from './form-reader.ts';
import type { SizeRange } from './post-policy.ts';

/** @throws S3Error EntityTooSmall, EntityTooLarge, BadDigest, and whatever is wrong with the form's end */
export async function* verifiedFile(
  reader: FormReader,
  { size, digests }: { readonly size: SizeRange; readonly digests: AnnouncedDigests },
): AsyncGenerator<Buffer, void> {
  const check = new DigestCheck(digests, undefined);
  const maxBytes = Math.min(size.maxBytes, uploadBytesMax);
  let sizeBytes = 0;
  let last: Buffer | undefined;
  for await (const piece of reader.file()) {
    sizeBytes += piece.length;
    if (sizeBytes > maxBytes) throw wrongSize('EntityTooLarge', sizeBytes, maxBytes);
    check.update(piece);
    if (last) yield last;
    last = piece;
  }
  if (sizeBytes < size.minBytes) throw wrongSize('EntityTooSmall', sizeBytes, size.minBytes);
  await reader.rest();
  check.verify(undefined);
  if (last) yield last;
}

function wrongSize(
  code: 'EntityTooLarge' | 'EntityTooSmall',
  sizeBytes: number,
  boundBytes: number,
): S3Error {
  const bound = code === 'EntityTooLarge' ? 'MaxSizeAllowed' : 'MinSizeAllowed';
  return new S3Error(code, { fields: { ProposedSize: String(sizeBytes), [bound]: String(boundBytes) } });
}

/**
 * One piece at a time, with nothing that holds on to the request between two of them: whoever gives up can
 * just leave. @returns undefined at the end. @throws S3Error IncompleteBody where the client left
 */
export async function nextPiece(incoming: IncomingMessage): Promise<Buffer | undefined> {
  for (;;) {
    const piece = incoming.read() as Buffer | null;
    if (piece) return piece;
    if (incoming.readableEnded) return undefined;
    if (incoming.destroyed) throw new S3Error('IncompleteBody', { cause: incoming.errored });
    await new Promise<void>((resolve) => {
      const events = ['readable', 'end', 'close', 'error'];
      const wake = () => {
        for (const event of events) incoming.off(event, wake);
        resolve();
      };
      for (const event of events) incoming.on(event, wake);
    });
  }
}
