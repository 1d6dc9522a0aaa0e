/** A client's side of the `aws-chunked` framing, for tests. */
import { emptySha256, hmacSha256Hex, SigningKeys, sha256Hex } from '@forebay/core/sigv4';
import type { ChunkSigning } from '../s3/payload/payload-mode.ts';

export function chunkSigningOf(secret: string): ChunkSigning {
  return {
    signingKey: new SigningKeys().get(secret, '20260102', 'us-east-1'),
    amzDate: '20260102T030405Z',
    scope: '20260102/us-east-1/s3/aws4_request',
    seedSignature: sha256Hex('seed'),
    accessKey: 'ACCESSKEY',
  };
}

export interface ChunkedBodyOptions {
  /** None of them empty; the zero chunk is added. */
  readonly chunks: readonly Buffer[];
  readonly signing: ChunkSigning | undefined;
  readonly trailers: readonly (readonly [name: string, value: string])[];
  /** Whether the mode has trailers: they are then signed, where chunks are. */
  readonly trailer: boolean;
}

export function chunkedBody({ chunks, signing, trailers, trailer }: ChunkedBodyOptions): Buffer {
  const parts: Buffer[] = [];
  let previous = signing?.seedSignature ?? '';
  const sign = (kind: string, hashes: string) => {
    if (!signing) return '';
    const head = `AWS4-HMAC-SHA256-${kind}\n${signing.amzDate}\n${signing.scope}`;
    previous = hmacSha256Hex(signing.signingKey, `${head}\n${previous}\n${hashes}`);
    return previous;
  };
  const pushHead = (data: Buffer) => {
    const signature = sign('PAYLOAD', `${emptySha256}\n${sha256Hex(data)}`);
    const extension = signing ? `;chunk-signature=${signature}` : '';
    parts.push(Buffer.from(`${data.length.toString(16)}${extension}\r\n`));
  };
  for (const chunk of chunks) {
    pushHead(chunk);
    parts.push(chunk, Buffer.from('\r\n'));
  }
  pushHead(Buffer.alloc(0));
  for (const line of trailers) parts.push(Buffer.from(`${line.join(':')}\r\n`));
  if (signing && trailer) {
    const canonical = trailers.map((line) => `${line.join(':')}\n`).join('');
    parts.push(Buffer.from(`x-amz-trailer-signature:${sign('TRAILER', sha256Hex(canonical))}\r\n`));
  }
  parts.push(Buffer.from('\r\n'));
  return Buffer.concat(parts);
}
