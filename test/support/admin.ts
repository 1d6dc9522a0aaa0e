/** The admin API of a running Forebay, as tests ask it. None of these questions reaches a UFS. */
import type { ObjectView } from '@forebay/registry/admin/objects';
import type { Status } from '@forebay/registry/admin/status';
import type { ForebayProcess } from './forebay-process.ts';
import { until } from './until.ts';

/** @throws Error with the answer where it is none of success. */
export async function askAdmin<Answer>(forebay: ForebayProcess, path: string): Promise<Answer> {
  const pair = Buffer.from(`${forebay.accessKey}:${forebay.secretKey}`).toString('base64');
  const answer = await fetch(forebay.admin + path, { headers: { authorization: `Basic ${pair}` } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${text}`);
  return JSON.parse(text) as Answer;
}

/** @throws Error with the answer where it is none of success. */
export async function postAdmin(forebay: ForebayProcess, path: string, body: object): Promise<string> {
  const pair = Buffer.from(`${forebay.accessKey}:${forebay.secretKey}`).toString('base64');
  const headers = { authorization: `Basic ${pair}`, 'content-type': 'application/json' };
  const answer = await fetch(forebay.admin + path, { method: 'POST', headers, body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${text}`);
  return text;
}

/** What is cached of one object. */
export function statObject(forebay: ForebayProcess, bucket: string, key: string): Promise<ObjectView> {
  return askAdmin(forebay, `/api/v1/objects?${new URLSearchParams({ bucket, key })}`);
}

/** Reads of objects since the start, by how they were answered. */
export async function readsOf(forebay: ForebayProcess): Promise<Readonly<Record<string, number>>> {
  return (await askAdmin<Status>(forebay, '/api/v1/status')).reads;
}

/** Resolves once the info of every key has outlived its freshness. */
export async function untilStale(
  forebay: ForebayProcess,
  { bucket, keys }: { bucket: string; keys: readonly string[] },
): Promise<void> {
  for (const key of keys) {
    await until(`${key} is stale`, async () => !(await statObject(forebay, bucket, key)).fresh);
  }
}
