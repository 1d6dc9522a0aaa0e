/**
 * A client of the consistency run: one operation after the other through changing gateways, each recorded
 * with its start, its end and what it says of the keys it names.
 */
import { createHash } from 'node:crypto';
import type { Random } from '../support/random.ts';
import { rangeHeader, type WireCall, type WireClient, type WireReply } from '../support/wire-client.ts';
import { begin, completeCall, putPart } from '../support/wire-multipart.ts';
import { absent, bodyOf, type History, type Version } from './history.ts';

export interface ClientOptions {
  readonly random: Random;
  readonly gateways: readonly WireClient[];
  readonly history: History;
  /** ETags that were seen last, by key: good guesses for conditions. */
  readonly hints: Map<string, string>;
  /** Mount path, `/lake`. */
  readonly mount: string;
  readonly groups: number;
  readonly keysPerGroup: number;
  /** Parts of an upload: one where the store has a least size for all but the last. */
  readonly parts: number;
  /** Who only reads goes on where writes wait for a home. */
  readonly does: keyof typeof decks;
  readonly count: (outcome: string) => void;
}

/** By name: how often of 100. */
const shares = {
  get: 24,
  range: 10,
  revalidate: 4,
  head: 6,
  list: 4,
  put: 28,
  delete: 7,
  deleteMany: 3,
  copy: 8,
  multipart: 6,
} as const;
type Kind = keyof typeof shares;
const deckOf = (kinds: readonly Kind[]) => kinds.flatMap((kind) => Array<Kind>(shares[kind]).fill(kind));
const kindsRead = ['get', 'range', 'revalidate', 'head', 'list'] as const;
const decks = { all: deckOf(Object.keys(shares) as Kind[]), reads: deckOf(kindsRead) };

const sizes = [100, 5_000, 40_000, 150_000, 400_000];
const readTimeoutMs = 20_000;
/** More than a gateway tries to end a fence. */
const writeTimeoutMs = 60_000;
const never = Number.POSITIVE_INFINITY;

interface Asked {
  readonly reply: WireReply | undefined;
  readonly start: number;
  readonly end: number;
  readonly gateway: number;
  /** What to call it where there is no answer. */
  readonly silence: string;
}

export class Client {
  readonly #of: ClientOptions;

  constructor(options: ClientOptions) {
    this.#of = options;
  }

  /** @returns whether it was answered: who was not does well to wait a moment */
  async step(): Promise<boolean> {
    const kind = this.#of.random.pick(decks[this.#of.does]);
    const key = this.#key();
    const outcome = await this.#run(kind, key);
    this.#of.count(`${kind} ${outcome}`);
    return !/broken|timeout|unknown|not begun|^5/.test(outcome);
  }

  #run(kind: Kind, key: string): Promise<string> {
    if (kind === 'put') return this.#put(key);
    if (kind === 'delete') return this.#delete(key);
    if (kind === 'deleteMany') return this.#deleteMany();
    if (kind === 'copy') return this.#copy(key);
    if (kind === 'multipart') return this.#multipart(key);
    if (kind === 'list') return this.#list();
    return this.read(kind, key);
  }

  /** @returns what came of it: `ok`, `absent`, `cut`, `timeout`, `broken`, or a status */
  async read(kind: 'get' | 'range' | 'head' | 'revalidate', key: string): Promise<string> {
    const { random, history } = this.#of;
    const known = this.#of.hints.get(key);
    const start = random.int(history.versionOf(known)?.sizeBytes ?? 100);
    const headers =
      kind === 'range'
        ? rangeHeader(start, start + 1 + random.int(200_000))
        : kind === 'revalidate' && known
          ? { 'if-none-match': known }
          : {};
    const method = kind === 'head' ? 'HEAD' : 'GET';
    const asked = await this.#ask({ method, path: this.#path(key), headers }, readTimeoutMs);
    const { reply } = asked;
    if (!reply) return asked.silence;
    if (reply.status === 404) return this.#saw(key, absent, asked, kind);
    if (![200, 206, 304].includes(reply.status)) return String(reply.status);
    const version = history.versionOf(reply.headers.etag);
    const wrong = version ? wrongIn(reply, version, method) : `an ETag that nobody wrote`;
    if (wrong !== undefined || !version) {
      history.addMixture(key, `${kind} was answered with ${reply.status} ${reply.headers.etag}: ${wrong}`);
      return 'mixture';
    }
    if (reply.isCut) return 'cut';
    this.#of.hints.set(key, reply.headers.etag!);
    return this.#saw(key, version.id, asked, `${kind} ${reply.headers['x-cache'] ?? ''}`);
  }

  /** Half of the work is on a few keys. */
  #key(): string {
    const { random, groups, keysPerGroup } = this.#of;
    const group = random.chance(0.5) ? 0 : random.int(groups);
    return `g${group}/k${random.int(keysPerGroup)}`;
  }

  #path(key: string): string {
    return `${this.#of.mount}/${key}`;
  }

  async #ask(call: WireCall, timeoutMs: number): Promise<Asked> {
    const { random, gateways } = this.#of;
    const gateway = random.int(gateways.length);
    const start = performance.now();
    const reply = await gateways[gateway]!.sendWithin(timeoutMs, call).catch(() => undefined);
    const end = performance.now();
    // How long it took tells whether a gateway was not there or hung.
    return { reply, start, end, gateway, silence: end - start < timeoutMs - 100 ? 'broken' : 'timeout' };
  }

  #saw(key: string, value: number, { start, end, gateway }: Asked, what: string): string {
    this.#of.history.add(key, { kind: 'read', value, start, end, what: `${what}, gateway ${gateway + 1}` });
    return value === absent ? 'absent' : 'ok';
  }

  /** A write that was refused before it began is none; one whose end nobody knows may happen at any time. */
  #wrote(key: string, value: number, asked: Asked, what: string): string {
    const { reply, start, end, gateway } = asked;
    const outcome = outcomeOf(reply);
    if (outcome === 'refused') return String(reply?.status);
    const known = outcome === 'done' ? end : never;
    const label = `${what} ${reply?.status ?? 'without answer'}, gateway ${gateway + 1}`;
    this.#of.history.add(key, { kind: 'write', value, start, end: known, what: label });
    return outcome === 'done' ? 'ok' : `unknown ${reply?.status ?? asked.silence}`;
  }

  async #put(key: string): Promise<string> {
    const { version, body } = this.#of.history.newVersion(this.#size());
    const asked = await this.#ask({ method: 'PUT', path: this.#path(key), body }, writeTimeoutMs);
    return this.#wrote(key, version.id, asked, 'put');
  }

  #size(): number {
    return this.#of.random.pick(sizes) + this.#of.random.int(100);
  }

  async #delete(key: string): Promise<string> {
    const asked = await this.#ask({ method: 'DELETE', path: this.#path(key) }, writeTimeoutMs);
    return this.#wrote(key, absent, asked, 'delete');
  }

  async #deleteMany(): Promise<string> {
    const group = this.#of.random.int(this.#of.groups);
    const keys = [0, 1].map((index) => `g${group}/k${index}`);
    const objects = keys.map((key) => `<Object><Key>${key}</Key></Object>`).join('');
    const body = Buffer.from(`<Delete>${objects}</Delete>`);
    const headers = { 'content-md5': createHash('md5').update(body).digest('base64') };
    const call = { method: 'POST', path: this.#of.mount, query: [['delete', '']] as const, headers, body };
    const asked = await this.#ask(call, writeTimeoutMs);
    const text = asked.reply?.body.toString() ?? '';
    const outcomes = keys.map((key) => {
      const isUnknown = text.includes('<Error>') && asked.reply?.status === 200;
      const of = isUnknown ? { ...asked, reply: undefined } : asked;
      return this.#wrote(key, absent, of, 'delete of several');
    });
    return outcomes[0]!;
  }

  /** Of a version that was seen at the source, and only of that one: so the copy's version is known. */
  async #copy(key: string): Promise<string> {
    const { history, mount } = this.#of;
    const source = this.#key();
    const etag = this.#of.hints.get(source);
    const version = history.versionOf(etag);
    if (!version || etag === undefined || source === key) return 'without a source';
    const headers = {
      'x-amz-copy-source': `${mount}/${source}`,
      'x-amz-copy-source-if-match': etag,
    };
    const asked = await this.#ask({ method: 'PUT', path: this.#path(key), headers }, writeTimeoutMs);
    const outcome = this.#wrote(key, version.id, asked, `copy of ${source}`);
    if (outcome === 'ok') this.#saw(source, version.id, asked, `copied to ${key}`);
    return outcome;
  }

  async #multipart(key: string): Promise<string> {
    const { random, gateways, history, parts: count } = this.#of;
    const path = this.#path(key);
    const { version, parts } = history.newVersion(this.#size(), count);
    const etags = new Map<number, string>();
    let uploadId: string;
    try {
      uploadId = await begin(random.pick(gateways), path);
      for (const [index, part] of parts.entries()) {
        const name = { path, uploadId, partNumber: index + 1 };
        etags.set(index + 1, await putPart(random.pick(gateways), name, part));
      }
    } catch {
      return 'not begun';
    }
    return this.#wrote(
      key,
      version.id,
      await this.#ask(completeCall(path, uploadId, etags), writeTimeoutMs),
      'complete',
    );
  }

  /** A list says of every key of its prefix what a read would. */
  async #list(): Promise<string> {
    const { random, groups, keysPerGroup, history, mount } = this.#of;
    const group = random.int(groups);
    const query = [
      ['list-type', '2'],
      ['prefix', `g${group}/`],
    ] as const;
    const asked = await this.#ask({ path: mount, query }, readTimeoutMs);
    const { reply } = asked;
    if (!reply || reply.isCut) return asked.silence;
    if (reply.status !== 200) return String(reply.status);
    const listed = new Map(
      [...reply.body.toString().matchAll(/<Contents>(.*?)<\/Contents>/gs)].map((match) => [
        /<Key>([^<]*)</.exec(match[1]!)?.[1],
        /<ETag>([^<]*)</.exec(match[1]!)?.[1]?.replaceAll('&quot;', '"'),
      ]),
    );
    for (let index = 0; index < keysPerGroup; index += 1) {
      const key = `g${group}/k${index}`;
      const version = history.versionOf(listed.get(key));
      if (listed.has(key) && !version) history.addMixture(key, `listed with ${listed.get(key)}`);
      else this.#saw(key, version?.id ?? absent, asked, 'list');
    }
    return 'ok';
  }
}

/** What of an answer is not of this version; undefined where all is. */
function wrongIn(reply: WireReply, version: Version, method: string): string | undefined {
  const { status, headers, body, isCut } = reply;
  if (status === 304) return undefined;
  const whole = bodyOf(version);
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers['content-range'] ?? '') ?? [];
  if (status === 206 && Number(total) !== whole.length) return `a range of ${total}, not ${whole.length}`;
  const expected = status === 206 ? whole.subarray(Number(first), Number(last) + 1) : whole;
  if (method === 'HEAD') {
    const length = Number(headers['content-length']);
    return length === whole.length ? undefined : `${length} bytes, not ${whole.length}`;
  }
  // What came before a connection was cut must be right as well.
  if (isCut ? body.equals(expected.subarray(0, body.length)) : body.equals(expected)) return undefined;
  let at = 0;
  while (at < body.length && body[at] === expected[at]) at += 1;
  const found = body.subarray(at - (at % 16), at - (at % 16) + 16).toString('hex');
  return `${body.length} of ${expected.length} bytes, different from byte ${at} on: ${found}`;
}

/** 503: the gateway says that nothing was written. */
function outcomeOf(reply: WireReply | undefined): 'done' | 'refused' | 'unknown' {
  if (!reply || reply.isCut) return 'unknown';
  const { status, body } = reply;
  if (status === 200 && /<Error>/.test(body.toString('latin1'))) return 'unknown';
  if (status < 300) return 'done';
  return status < 500 || status === 503 ? 'refused' : 'unknown';
}
