/** The objects of a scenario, and the requests that write, read and list them. */
import { check } from 'k6';
import http, { type RefinedResponse } from 'k6/http';
import { Counter, Rate } from 'k6/metrics';
import { contentOf, isPart } from './content.ts';
import { signed, type Unsigned } from './sigv4.ts';
import { targetFromEnv } from './target.ts';

const target = targetFromEnv();
/** Reads that were answered from pages, in memory or on disk. */
const hits = new Rate('forebay_hits');
/** Answers that were no refusal and not what was written: never one of them is right. */
const wrong = new Counter('forebay_wrong_answers');

/** Objects of a run: `run` keeps it apart from earlier ones. */
export interface ObjectSet {
  readonly scenario: string;
  readonly run: string;
  readonly count: number;
  readonly sizeBytes: number;
}

/** To be called in `setup`: VUs get what it returns. */
export function newSet(of: Omit<ObjectSet, 'run'>): ObjectSet {
  return { ...of, run: String(Date.now()) };
}

/** Writes all of them through Forebay. @throws Error with the answer of the first that failed */
export function writeAll(set: ObjectSet): void {
  for (let object = 0; object < set.count; object += 1) {
    const { status, body, error } = sendWrite(set, object);
    if (status === 200) continue;
    const code = /<Code>([^<]*)/.exec(textOf(body))?.[1] ?? error;
    throw new Error(`PUT ${pathOf(set, object)} was answered with ${status} ${code}`);
  }
}

/** Reads all of them once. */
export function readAll(set: ObjectSet): void {
  for (let object = 0; object < set.count; object += 1) {
    const { status } = sendRead(set, { object, start: 0, sizeBytes: set.sizeBytes });
    if (status !== 200) throw new Error(`GET ${pathOf(set, object)} was answered with ${status}`);
  }
}

export interface ReadPart {
  readonly object: number;
  /** Half-open, multiples of 4; the whole object without it. */
  readonly range?: { readonly start: number; readonly endExclusive: number };
  /** Refusals and broken connections are counted by k6, and are no failed check. */
  readonly mayFail?: boolean;
}

/** Reads an object or a part of it, and checks what comes. */
export function read(set: ObjectSet, { object, range, mayFail = false }: ReadPart): void {
  const { start, endExclusive } = range ?? { start: 0, endExclusive: set.sizeBytes };
  const part = { object, start, sizeBytes: endExclusive - start };
  const reply = sendRead(set, part, range !== undefined);
  if (mayFail && isRefusal(reply.status)) return;
  const xCache = reply.headers['X-Cache'];
  hits.add(xCache === 'HIT' || xCache === 'REVALIDATED');
  const right = isPart(bytesOf(reply.body), part);
  const wanted = range ? 206 : 200;
  if (reply.status < 400 && reply.status !== 0 && !right) wrong.add(1);
  check(reply, { 'status is right': ({ status }) => status === wanted, 'bytes are right': () => right });
}

/** Overwrites an object with the same content. */
export function write(set: ObjectSet, object: number): void {
  check(sendWrite(set, object), { 'write is answered with 200': ({ status }) => status === 200 });
}

/** Lists the set, as far as one page goes. */
export function list(set: ObjectSet): void {
  const query = { 'list-type': '2', prefix: `${folderOf(set)}/` };
  const reply = send({ method: 'GET', host: target.host, path: `/${target.bucket}`, query }, 'list');
  const keys = textOf(reply.body).split('<Key>').length - 1;
  check(reply, {
    'list is answered with 200': ({ status }) => status === 200,
    'list is complete': () => keys === Math.min(set.count, 1000),
  });
}

/** No answer, or one that says: later. */
function isRefusal(status: number): boolean {
  return status === 0 || status === 503;
}

function sendRead(
  set: ObjectSet,
  { object, start, sizeBytes }: { object: number; start: number; sizeBytes: number },
  ranged = false,
) {
  const headers = ranged ? { range: `bytes=${start}-${start + sizeBytes - 1}` } : {};
  return send({ method: 'GET', host: target.host, path: pathOf(set, object), headers }, 'read');
}

function sendWrite(set: ObjectSet, object: number) {
  const body = contentOf(object, set.sizeBytes);
  return send({ method: 'PUT', host: target.host, path: pathOf(set, object), body }, 'write');
}

function folderOf({ scenario, run }: ObjectSet): string {
  return `loadtest/${scenario}/${run}`;
}

function pathOf(set: ObjectSet, object: number): string {
  return `/${target.bucket}/${folderOf(set)}/${object}.bin`;
}

/** One name for each kind of request: otherwise each key becomes a time series of its own. */
function send(request: Unsigned, name: string): RefinedResponse<'binary'> {
  const { path, headers } = signed(request, target.credentials);
  const params = { headers, tags: { name }, responseType: 'binary' } as const;
  return http.request(request.method, `${target.endpoint}${path}`, request.body ?? null, params);
}

function bytesOf(body: unknown): ArrayBuffer | null {
  return body instanceof ArrayBuffer ? body : null;
}

function textOf(body: unknown): string {
  const bytes = bytesOf(body);
  if (!bytes) return '';
  return String.fromCharCode(...new Uint8Array(bytes).slice(0, 100_000));
}
