/** The work of one process of `forebay bench`: its connections, each sending one request after the other. */
import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { LoggedRead } from './access-log.ts';
import { contentOf, isContent } from './content.ts';
import type { WorkerPlan } from './load-protocol.ts';
import { type Operation, Picker } from './picker.ts';
import { Tally } from './tally.ts';
import { headerOf } from './wire-answer.ts';
import { type WireAsk, WireConnection } from './wire-connection.ts';
import { RequestWriter, type WireCall } from './wire-request.ts';

/** A server that refuses connections must not be asked a million times. */
const pauseAfterBreakMs = 20;
const errorBodyBytesMax = 2048;
const listKeysMax = 1000;

interface Checked {
  take(bytes: Buffer): void;
  /** What is wrong with the body that was taken. */
  verdict(etag: string | undefined): string | undefined;
}

interface Task {
  readonly kind: string;
  readonly call: WireCall;
  readonly body?: Buffer;
  readonly check?: Checked | undefined;
  readonly sizeBytes?: number;
}

export class LoadRun {
  readonly #plan: WorkerPlan;
  readonly #writer: RequestWriter;
  readonly #picker: Picker;
  readonly #replay: readonly LoggedRead[];
  readonly #connections: WireConnection[] = [];
  readonly #stop = new AbortController();
  #tally = new Tally();
  #startedMs = 0;
  #started = 0;

  /** @param replay what this process replays, where the workload is that */
  constructor(plan: WorkerPlan, replay: readonly LoggedRead[] = []) {
    this.#plan = plan;
    this.#writer = new RequestWriter(plan.target);
    this.#picker = new Picker(plan, plan.index);
    this.#replay = replay;
  }

  get tally(): Tally {
    return this.#tally;
  }

  /** Ends when its time is over, its log replayed, or `stop` was called. Never rejects. */
  async run(onMeasuring: () => void): Promise<Tally> {
    const { concurrency, warmUpMs, durationMs, replay, target } = this.#plan;
    this.#startedMs = performance.now();
    const warmMs = replay ? 0 : warmUpMs;
    const begin = () => {
      this.#tally = new Tally();
      onMeasuring();
    };
    const timers = [setTimeout(begin, warmMs)];
    if (!replay) timers.push(setTimeout(() => this.#stop.abort(), warmMs + durationMs));
    if (warmMs === 0) begin();
    if (warmMs === 0) clearTimeout(timers[0]);
    for (let index = 0; index < concurrency; index += 1) {
      this.#connections.push(new WireConnection(target.endpoint));
    }
    await Promise.all(this.#connections.map((connection) => this.#drive(connection)));
    for (const timer of timers) clearTimeout(timer);
    for (const connection of this.#connections) connection.close();
    return this.#tally;
  }

  /** Requests under way are not waited for, and not counted. */
  stop(): void {
    this.#stop.abort();
    for (const connection of this.#connections) connection.close();
  }

  async #drive(connection: WireConnection): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const number = this.#started;
      this.#started += 1;
      if (this.#plan.replay && number >= this.#replay.length) return;
      const fromMs = await this.#untilDue(this.#dueMs(number));
      if (fromMs === undefined) return;
      const task = this.#plan.replay
        ? this.#taskOfLog(this.#replay[number]!)
        : this.#taskOf(this.#picker.next());
      await this.#one(connection, task, fromMs);
    }
  }

  #dueMs(number: number): number | undefined {
    const { requestsPerSecond, replay } = this.#plan;
    if (replay)
      return replay.speed === 0 ? undefined : this.#startedMs + this.#replay[number]!.atMs / replay.speed;
    return requestsPerSecond && this.#startedMs + (number / requestsPerSecond) * 1000;
  }

  /**
   * From when the request's time counts: from when it was due, if no connection was free then. A timer that
   * is late counts to no server. Undefined: it is over.
   */
  async #untilDue(dueMs: number | undefined): Promise<number | undefined> {
    const nowMs = performance.now();
    if (dueMs === undefined) return nowMs;
    if (dueMs <= nowMs) return dueMs;
    try {
      await wait(dueMs - nowMs, undefined, { signal: this.#stop.signal });
    } catch {
      return undefined;
    }
    return performance.now();
  }

  async #one(connection: WireConnection, task: Task, fromMs: number): Promise<void> {
    let errorBody = '';
    let status = 0;
    const ask: WireAsk = {
      head: this.#writer.head(task.call),
      body: task.body,
      headOnly: task.call.method === 'HEAD',
      onHead: (head) => {
        status = head.status;
      },
      onBytes: (bytes) => {
        if (status < 300) task.check?.take(bytes);
        else if (errorBody.length < errorBodyBytesMax) errorBody += bytes.toString('latin1');
      },
    };
    const tally = this.#tally;
    try {
      const reply = await connection.send(ask);
      if (tally !== this.#tally) return;
      if (reply.status >= 300) {
        tally.failed(`${reply.status} ${/<Code>([^<]*)/.exec(errorBody)?.[1] ?? ''}`.trim());
        return;
      }
      const wrong = task.check?.verdict(headerOf(reply.head, 'etag')) ?? lengthVerdict(task, reply.sizeBytes);
      if (wrong !== undefined) {
        tally.failed(wrong);
        return;
      }
      const xCache = headerOf(reply.head, 'x-cache');
      tally.succeeded(task.kind, {
        bytes: task.body?.length ?? reply.sizeBytes,
        timeMs: performance.now() - fromMs,
        firstByteMs: reply.firstByteMs,
        ...(xCache !== undefined && { xCache }),
      });
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      tally.failed((error as NodeJS.ErrnoException).code ?? (error as Error).message);
      await wait(pauseAfterBreakMs);
    }
  }

  #taskOf({ kind, object, range }: Operation): Task {
    const { bucket, prefix, sizeBytes, verify } = this.#plan;
    if (kind === 'list') {
      const query = [
        ['list-type', '2'],
        ['max-keys', String(listKeysMax)],
        ['prefix', prefix],
      ] as const;
      return { kind, call: { method: 'GET', path: `/${bucket}`, query } };
    }
    const path = objectPath(this.#plan, object);
    if (kind === 'write') {
      const body = contentOf(object, sizeBytes);
      return { kind, call: { method: 'PUT', path, bodyBytes: body.length }, body };
    }
    const wanted = range ? range.endExclusive - range.start : sizeBytes;
    const check = verify ? ownContent(object, range?.start ?? 0) : undefined;
    return { kind, call: { method: 'GET', path, range }, check, sizeBytes: wanted };
  }

  #taskOfLog({ method, bucket, key, range }: LoggedRead): Task {
    const whole = method === 'GET' && range === undefined;
    const call: WireCall = { method, path: `/${bucket}/${key}`, rangeText: range };
    return {
      kind: method === 'HEAD' ? 'head' : 'read',
      call,
      check: whole && this.#plan.verify ? md5OfEtag() : undefined,
    };
  }
}

export function objectPath({ bucket, prefix }: { bucket: string; prefix: string }, object: number): string {
  return `/${bucket}/${prefix}${object}`;
}

function lengthVerdict({ sizeBytes }: Task, received: number): string | undefined {
  return sizeBytes === undefined || received === sizeBytes ? undefined : 'wrong length';
}

/** Every byte of an object that was written here. */
function ownContent(object: number, start: number): Checked {
  let at = start;
  let wrong = false;
  return {
    take: (bytes) => {
      wrong ||= !isContent(bytes, object, at);
      at += bytes.length;
    },
    verdict: () => (wrong ? 'wrong bytes' : undefined),
  };
}

/** By the ETag, where it is the MD5 of the object: it is not where the object came in parts. */
function md5OfEtag(): Checked {
  const md5 = createHash('md5');
  return {
    take: (bytes) => void md5.update(bytes),
    verdict: (etag = '') => {
      const wanted = /^"?([0-9a-f]{32})"?$/.exec(etag)?.[1];
      return wanted === undefined || wanted === md5.digest('hex') ? undefined : 'wrong md5';
    },
  };
}
