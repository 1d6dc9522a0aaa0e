/** Multipart uploads on the wire. */
import type { WireCall, WireClient } from './wire-client.ts';

export interface PartName {
  readonly path: string;
  readonly uploadId: string;
  readonly partNumber: number;
}

/** The id of a new upload. */
export async function begin(client: WireClient, path: string): Promise<string> {
  const { body } = await client.send({ method: 'POST', path, query: [['uploads', '']] });
  return /<UploadId>(.*)<\/UploadId>/.exec(body.toString())![1]!;
}

/** The ETag of the part. @throws Error unless it was taken */
export async function putPart(client: WireClient, part: PartName, body: Uint8Array): Promise<string> {
  const query = [
    ['partNumber', String(part.partNumber)],
    ['uploadId', part.uploadId],
  ] as const;
  const { status, code, headers } = await client.send({ method: 'PUT', path: part.path, query, body });
  if (status !== 200) throw new Error(`part ${part.partNumber} was answered with ${status} ${code}`);
  return headers.etag!;
}

/** @param etags of the parts by their numbers, in this order */
export function completeCall(path: string, uploadId: string, etags: ReadonlyMap<number, string>): WireCall {
  const parts = [...etags].map(
    ([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`,
  );
  const body = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`);
  return { method: 'POST', path, query: [['uploadId', uploadId]], body };
}
