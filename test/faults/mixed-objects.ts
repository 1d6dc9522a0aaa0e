/** Objects from nothing to a gibibyte, written to a store, and told apart by their SHA-256. */
import { createHash } from 'node:crypto';
import { contentOf, mebibyte } from '../support/content.ts';
import type { Random } from '../support/random.ts';
import type { WireClient } from '../support/wire-client.ts';
import { begin, completeCall, putPart } from '../support/wire-multipart.ts';

export interface MixedObject {
  readonly key: string;
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

const partBytes = 64 * mebibyte;
const smallMax = 100_000;
const edges = [0, 0, 1, partBytes - 1, partBytes, partBytes + 1];

/** Of all objects together about `totalBytes`: edges, many small ones, and others of every magnitude. */
export function mixedSizes(totalBytes: number, random: Random): number[] {
  const largest = Math.min(1024 * mebibyte, Math.max(96 * mebibyte, Math.floor(totalBytes / 8)));
  const small = Array.from({ length: 2000 }, () => random.int(smallMax));
  const sizes = [...edges, largest, ...small];
  let left = totalBytes - sizes.reduce((sum, size) => sum + size, 0);
  while (left > 0) {
    const size = Math.min(left, Math.ceil(2 ** (10 + random.next() * Math.log2(largest / 1024))));
    sizes.push(size);
    left -= size;
  }
  return sizes;
}

/** A few at a time; those of more than a part in parts, as clients do. */
export async function putMixed(
  client: WireClient,
  place: string,
  sizes: readonly number[],
): Promise<MixedObject[]> {
  const objects: MixedObject[] = [];
  const order = sizes.map((sizeBytes, index) => ({ sizeBytes, index }));
  const work = async () => {
    for (let next = order.pop(); next; next = order.pop()) {
      const { index, sizeBytes } = next;
      // Names say nothing of sizes: large and small ones come in any order.
      const key = createHash('md5').update(String(index)).digest('hex').slice(0, 12);
      const sha256 = await putOne(client, `${place}${key}`, { seed: index * 20, sizeBytes });
      objects.push({ key, sizeBytes, sha256 });
    }
  };
  await Promise.all(Array.from({ length: 3 }, work));
  return objects;
}

async function putOne(
  client: WireClient,
  path: string,
  { seed, sizeBytes }: { readonly seed: number; readonly sizeBytes: number },
): Promise<string> {
  const hash = createHash('sha256');
  if (sizeBytes <= partBytes) {
    const body = contentOf(seed, sizeBytes);
    const { status } = await client.send({ method: 'PUT', path, body });
    if (status !== 200) throw new Error(`${path} was answered with ${status}`);
    return hash.update(body).digest('hex');
  }
  const uploadId = await begin(client, path);
  const etags = new Map<number, string>();
  for (let start = 0; start < sizeBytes; start += partBytes) {
    const partNumber = etags.size + 1;
    const body = contentOf(seed + partNumber, Math.min(partBytes, sizeBytes - start));
    hash.update(body);
    etags.set(partNumber, await putPart(client, { path, uploadId, partNumber }, body));
  }
  const { status } = await client.send(completeCall(path, uploadId, etags));
  if (status !== 200) throw new Error(`${path} was answered with ${status}`);
  return hash.digest('hex');
}
