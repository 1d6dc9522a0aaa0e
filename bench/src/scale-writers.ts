/**
 * The gateways that write, in simulated time: each holds a lease at the registry, and acknowledges an epoch
 * when it hears of it. Their fences cost no time here. Those that go are followed by new ones at once.
 */
import { type Epoch, renewalMs } from '@forebay/core/membership';
import type { MembershipMachine } from '@forebay/registry/cluster/membership-machine';
import type { SimTime } from '../../test/simulation/sim-time.ts';
import type { Random } from '../../test/support/random.ts';

interface ScaleWriter {
  readonly id: string;
  /** Where it stands in the round in which the registry sends its news. */
  readonly turn: number;
  isAlive: boolean;
  carried: Epoch | undefined;
}

interface WriterParts {
  readonly count: number;
  readonly time: SimTime;
  readonly random: Random;
  readonly machine: MembershipMachine;
  /** Of one way to the registry or back. */
  readonly delayMs: () => number;
  readonly makeId: () => string;
  /** The registry was asked. */
  readonly asked: () => void;
}

export class ScaleWriters {
  readonly #parts: WriterParts;
  readonly #writers: ScaleWriter[] = [];
  #newest: Epoch | undefined;

  constructor(parts: WriterParts) {
    this.#parts = parts;
    for (let left = parts.count; left > 0; left -= 1) this.#start();
  }

  /** @param waitMsOf until the news reach who has this turn */
  tell(epoch: Epoch, waitMsOf: (turn: number) => number): void {
    const { time, delayMs } = this.#parts;
    this.#newest = epoch;
    for (const writer of this.#writers) {
      time.at(time.nowMs + waitMsOf(writer.turn) + delayMs(), () => this.#learn(writer));
    }
  }

  /** One goes, a half of them without a word. */
  change(): void {
    const { random } = this.#parts;
    if (this.#writers.length === 0) return;
    const [writer] = this.#writers.splice(random.int(this.#writers.length), 1);
    if (random.chance(0.5)) this.#renew(writer!, 'leaving');
    writer!.isAlive = false;
    this.#start();
  }

  #start(): void {
    const { time, random, makeId } = this.#parts;
    const writer = { id: makeId(), turn: random.next(), isAlive: true, carried: this.#newest };
    this.#writers.push(writer);
    time.at(time.nowMs + random.next() * renewalMs, () => this.#renewEver(writer));
  }

  #renewEver(writer: ScaleWriter): void {
    if (!writer.isAlive) return;
    writer.carried ??= this.#newest;
    this.#renew(writer, 'active');
    const { time } = this.#parts;
    time.at(time.nowMs + renewalMs, () => this.#renewEver(writer));
  }

  #learn(writer: ScaleWriter): void {
    if (!writer.isAlive || writer.carried === this.#newest) return;
    writer.carried = this.#newest;
    this.#renew(writer, 'active');
  }

  #renew({ id, carried }: ScaleWriter, wish: 'active' | 'leaving'): void {
    const { time, delayMs, machine, asked } = this.#parts;
    time.at(time.nowMs + delayMs(), () => {
      const { number = 0, registry } = carried ?? {};
      machine.renewWriter({ writerId: id, epoch: number, registry, wish }, time.nowMs);
      asked();
    });
  }
}
