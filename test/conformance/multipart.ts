/** Multipart uploads as probes make them. */
import type { WireReply } from '../support/wire-client.ts';
import type { CallOptions, Target } from './target.ts';

export interface PartTag {
  readonly number: number;
  readonly etag: string;
}

/** Encoded for a query. */
export async function createUpload(t: Target, name: string, options: CallOptions = {}): Promise<string> {
  const reply = t.is(await t.object('POST', name, { ...options, query: 'uploads' }), 200);
  const id = /<UploadId>([^<]+)</.exec(reply.body.toString())?.[1] ?? '';
  t.same('an upload id', id !== '', true);
  return encodeURIComponent(id);
}

export async function uploadPart(
  t: Target,
  name: string,
  part: { readonly id: string; readonly number: number; readonly body: string | Uint8Array },
): Promise<PartTag> {
  const query = `partNumber=${part.number}&uploadId=${part.id}`;
  const reply = t.is(await t.object('PUT', name, { query, body: part.body }), 200);
  return { number: part.number, etag: String(reply.headers.etag) };
}

export function partList(parts: readonly PartTag[]): string {
  const items = parts.map(
    ({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`,
  );
  return `<CompleteMultipartUpload>${items.join('')}</CompleteMultipartUpload>`;
}

export function complete(t: Target, name: string, id: string, body: string): Promise<WireReply> {
  return t.object('POST', name, { query: `uploadId=${id}`, body });
}

/** A whole object in parts; gives the answer to its completion. */
export async function uploadParts(
  t: Target,
  name: string,
  bodies: readonly (string | Uint8Array)[],
): Promise<WireReply> {
  const id = await createUpload(t, name);
  const parts: PartTag[] = [];
  for (const [index, body] of bodies.entries())
    parts.push(await uploadPart(t, name, { id, number: index + 1, body }));
  return t.is(await complete(t, name, id, partList(parts)), 200);
}
