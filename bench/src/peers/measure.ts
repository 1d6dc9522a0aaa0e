/** The measurement: rounds in which every peer has its turn, in an order that changes. */
import { treeCpuMicros } from 'forebay/bench/process-cpu';
import { untilIdle } from '../cpu.ts';
import { say } from '../frame.ts';
import type { LoadRead } from '../load-client.ts';
import type { WireLoad, WireOutcome } from '../wire-load.ts';
import type { PeerSample, Temperature } from './figures.ts';
import { coldReads, type PeerSize, warmReads } from './objects.ts';
import type { Peer, RunningPeer } from './peer.ts';
import { treeResidentBytes } from './process-tree.ts';

export interface Contender {
  readonly peer: Peer;
  readonly running: RunningPeer;
}

export interface Setting {
  readonly distanceMs: number;
  readonly size: PeerSize;
  readonly rounds: number;
  /** Of one warm sample. */
  readonly sampleMs: number;
  /** Before the warm samples: machine code takes thousands of requests to come about. */
  readonly warmUpMs: number;
}

export class Measurement {
  readonly samples: PeerSample[] = [];
  /** What broke, by peer: it is said, and the others go on. */
  readonly broken = new Map<string, string>();
  readonly #client: WireLoad;

  constructor(client: WireLoad) {
    this.#client = client;
  }

  async warm(contenders: readonly Contender[], setting: Setting): Promise<void> {
    await this.warmUp(contenders, setting);
    const reads = warmReads(setting.size);
    await this.#rounds(contenders, setting, 'warm', () => ({ reads, durationMs: setting.sampleMs }));
  }

  /** Caches what is read warm, and lets servers make machine code of theirs. */
  async warmUp(contenders: readonly Contender[], setting: Setting): Promise<void> {
    const reads = warmReads(setting.size);
    for (const one of contenders) {
      await this.#guarded(one, async () => {
        await this.#run(one, setting, { reads, requests: 2 * reads.length });
        await this.#run(one, setting, { reads, durationMs: setting.warmUpMs });
      });
    }
  }

  async cold(contenders: readonly Contender[], setting: Setting): Promise<void> {
    const jobOf = ({ peer }: Contender, round: number): Job => {
      const own = peer.isCache || peer.name === 'versitygw';
      const all = own ? coldReads(setting.size, round) : warmReads(setting.size);
      const reads = all.slice(0, setting.size.coldRequests);
      return { reads, requests: setting.size.coldRequests };
    };
    // A round more, so that the way of a miss has been gone.
    for (const one of contenders) {
      await this.#guarded(one, async () => void (await this.#run(one, setting, jobOf(one, setting.rounds))));
    }
    await this.#rounds(contenders, setting, 'cold', jobOf);
  }

  /** The same rate for all. */
  async halfLoad(
    contenders: readonly Contender[],
    setting: Setting,
    requestsPerSecond: number,
  ): Promise<void> {
    const reads = warmReads(setting.size);
    const job = { reads, durationMs: setting.sampleMs, requestsPerSecond };
    await this.#rounds(contenders, setting, 'half load', () => job);
  }

  async #rounds(
    contenders: readonly Contender[],
    setting: Setting,
    temperature: Temperature,
    jobOf: (one: Contender, round: number) => Job,
  ): Promise<void> {
    const { distanceMs, size, rounds } = setting;
    for (let round = 0; round < rounds; round += 1) {
      say(`${size.label}, ${temperature}, ${distanceMs} ms: round ${round + 1} of ${rounds}.`);
      for (let turn = 0; turn < contenders.length; turn += 1) {
        const one = contenders[(turn + round) % contenders.length]!;
        await this.#guarded(one, async () => {
          const measured = await this.#sample(one, setting, jobOf(one, round));
          this.samples.push({
            peer: one.peer.name,
            distanceMs,
            temperature,
            size: size.name,
            round,
            ...measured,
          });
        });
      }
    }
  }

  async #guarded({ peer }: Contender, work: () => Promise<void>): Promise<void> {
    if (this.broken.has(peer.name)) return;
    try {
      await work();
    } catch (error) {
      say(`${peer.name}: ${(error as Error).message}`);
      this.broken.set(peer.name, (error as Error).message);
    }
  }

  /** What it left to do in the background counts to it. */
  async #sample(one: Contender, setting: Setting, job: Job) {
    const { pid } = one.running;
    await untilIdle([pid]);
    const before = treeCpuMicros(pid);
    const outcome = await this.#run(one, setting, job);
    await untilIdle([pid]);
    const after = treeCpuMicros(pid);
    const cpuUs = before === undefined || after === undefined ? undefined : after - before;
    return { outcome, cpuUs, residentBytes: treeResidentBytes(pid) };
  }

  #run({ peer, running }: Contender, { size }: Setting, job: Job): Promise<WireOutcome> {
    const { endpoint, accessKey, secretKey } = running.target;
    return this.#client.run({
      target: peer.isS3 ? { endpoint, accessKey, secretKey } : { endpoint },
      connections: size.connections,
      checkEvery: size.checkEvery,
      ...job,
    });
  }
}

interface Job {
  readonly reads: readonly LoadRead[];
  readonly requests?: number;
  readonly durationMs?: number;
  readonly requestsPerSecond?: number;
}
