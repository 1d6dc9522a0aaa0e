/** The other side of wire-load.ts: sends what it is told to, and checks what comes back. */
import { setTimeout as wait } from 'node:timers/promises';
import { isContent } from 'forebay/bench/content';
import { Histogram } from 'forebay/bench/histogram';
import { WireConnection } from 'forebay/bench/wire-connection';
import { RequestWriter } from 'forebay/bench/wire-request';
import type { LoadRead } from './load-client.ts';
import type { WireJob, WireOutcome } from './wire-load.ts';

/** Kept from job to job, as a client's are. */
const connections = new Map<string, WireConnection[]>();
const failuresShownMax = 20;

process.on('disconnect', () => process.exit());
process.on('message', (job: WireJob) => void new Run(job).done().then((outcome) => process.send?.(outcome)));

class Run {
  readonly #job: WireJob;
  readonly #writer: RequestWriter;
  readonly #times = new Histogram();
  readonly #failures: Record<string, number> = {};
  readonly #startedMs = performance.now();
  #sent = 0;
  #bytes = 0;

  constructor(job: WireJob) {
    this.#job = job;
    this.#writer = new RequestWriter(job.target);
  }

  async done(): Promise<WireOutcome> {
    await Promise.all(connectionsOf(this.#job).map((connection) => this.#drive(connection)));
    return {
      requests: this.#times.count,
      bytes: this.#bytes,
      elapsedMs: performance.now() - this.#startedMs,
      failures: this.#failures,
      times: this.#times.toJSON(),
    };
  }

  async #drive(connection: WireConnection): Promise<void> {
    const { requests = Number.POSITIVE_INFINITY, durationMs = Number.POSITIVE_INFINITY } = this.#job;
    const { requestsPerSecond } = this.#job;
    while (this.#sent < requests) {
      const number = this.#sent;
      this.#sent += 1;
      let fromMs = performance.now();
      if (requestsPerSecond !== undefined) {
        const dueMs = this.#startedMs + (number / requestsPerSecond) * 1000;
        if (dueMs > fromMs) await wait(dueMs - fromMs);
        // A request that waited for a connection waited; a timer that was late is ours.
        fromMs = dueMs > fromMs ? performance.now() : dueMs;
      }
      if (performance.now() - this.#startedMs >= durationMs) return;
      await this.#one(connection, number, fromMs);
    }
  }

  async #one(connection: WireConnection, number: number, fromMs: number): Promise<void> {
    const { reads, checkEvery } = this.#job;
    const read = reads[number % reads.length]!;
    const head = this.#writer.head({ method: 'GET', path: read.path, range: read.range });
    const checker = number % checkEvery === 0 ? new Checker(read) : undefined;
    try {
      const reply = await connection.send({ head, onBytes: checker && ((bytes) => checker.take(bytes)) });
      if (reply.status !== (read.range ? 206 : 200)) this.#failed(`status ${reply.status}`);
      else if (reply.sizeBytes !== read.sizeBytes) this.#failed(`${reply.sizeBytes} bytes`);
      else if (checker?.wrong) this.#failed('wrong bytes');
      else {
        this.#times.record((performance.now() - fromMs) * 1000);
        this.#bytes += reply.sizeBytes;
      }
    } catch (error) {
      this.#failed((error as Error).message);
      // A server that is gone must not be asked a million times.
      await wait(10);
    }
  }

  #failed(reason: string): void {
    const known = Object.keys(this.#failures).length < failuresShownMax || reason in this.#failures;
    const name = known ? reason : 'others';
    this.#failures[name] = (this.#failures[name] ?? 0) + 1;
  }
}

class Checker {
  readonly #read: LoadRead;
  #at: number;
  wrong = false;

  constructor(read: LoadRead) {
    this.#read = read;
    this.#at = read.range?.start ?? 0;
  }

  take(bytes: Buffer): void {
    this.wrong ||= !isContent(bytes, this.#read.object, this.#at);
    this.#at += bytes.length;
  }
}

function connectionsOf({ target, connections: count }: WireJob): WireConnection[] {
  const known = connections.get(target.endpoint) ?? [];
  while (known.length < count) known.push(new WireConnection(target.endpoint));
  connections.set(target.endpoint, known);
  return known.slice(0, count);
}
