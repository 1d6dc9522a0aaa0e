/** Readers and writers of a fault run: random objects and ranges, each answer judged as it comes. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Random } from '../support/random.ts';
import type { S3Endpoint } from '../support/servers.ts';
import { WireClient } from '../support/wire-client.ts';
import { type ByteRange, faultOfRead, patienceMs, type TestObject } from './objects.ts';

export interface TrafficOptions {
  readonly server: S3Endpoint;
  readonly objects: readonly TestObject[];
  readonly random: Random;
  readonly readers?: number;
  readonly writers?: number;
  /** The UFS is in trouble: S3 errors and cuts are right answers too. */
  readonly ufsFails?: boolean;
}

export class Traffic {
  /** What was wrong with answers, in words. */
  readonly faults: string[] = [];
  reads = 0;
  writes = 0;
  readonly #options: TrafficOptions;
  readonly #client: WireClient;
  #working: Promise<unknown> | undefined;
  #stopping = false;
  #breaking = false;

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#client = new WireClient(options.server);
  }

  start(): this {
    const { readers = 6, writers = 2 } = this.#options;
    this.#working = Promise.all([
      ...Array.from({ length: readers }, () => this.#repeat(() => this.#read())),
      ...Array.from({ length: writers }, () => this.#repeat(() => this.#write())),
    ]);
    return this;
  }

  /** From now on connections may break: the server is about to be killed. */
  expectBreaks(): void {
    this.#breaking = true;
  }

  /** Lets requests under way end, and sends no more. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#working;
    this.#client.close();
  }

  async #repeat(act: () => Promise<void>): Promise<void> {
    while (!this.#stopping && !this.#breaking && this.faults.length === 0) await act();
  }

  async #read(): Promise<void> {
    const { random, objects, ufsFails = false } = this.#options;
    const object = random.pick(objects);
    const range = random.chance(0.5) ? randomRange(random, object.sizeBytes) : undefined;
    const fault = await faultOfRead(this.#client, object, { range, ufsFails });
    this.reads += 1;
    const isBreak = fault !== undefined && /^Error: |^cut after/.test(fault) && !/ hung for /.test(fault);
    if (fault === undefined || (this.#breaking && isBreak)) return;
    this.faults.push(`${object.path} ${range ? JSON.stringify(range) : ''}: ${fault}`);
  }

  async #write(): Promise<void> {
    const { random, objects } = this.#options;
    const object = random.pick(objects);
    if (object.isWriting) return void (await wait(1));
    object.isWriting = true;
    const write = object.beginWrite();
    try {
      const reply = await this.#client.sendWithin(patienceMs, write);
      if (reply.status === 200) object.settle();
      else this.faults.push(`PUT ${object.path}: answered ${reply.status} ${reply.code}`);
    } catch (error) {
      if (!this.#breaking) this.faults.push(`PUT ${object.path}: ${error}`);
    } finally {
      object.isWriting = false;
      this.writes += 1;
    }
  }
}

function randomRange(random: Random, sizeBytes: number): ByteRange {
  const start = random.int(sizeBytes);
  return { start, endExclusive: start + 1 + random.int(Math.min(sizeBytes - start, 1 << random.int(23))) };
}
