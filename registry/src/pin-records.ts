/**
 * The pins of a registry: made while running, kept in one record. A change is on disk before anyone sees it.
 */
import type { Pin } from '@forebay/core/cache-policy';
import { parseKeyPattern } from '@forebay/core/key-pattern';
import type { Log } from '@forebay/core/log';
import { RegistryError } from '@forebay/core/registry-error';
import type { State } from './state-store.ts';

const pinsMax = 10_000;

interface PinRecord {
  /** `s3://lake/hot/` */
  readonly keys: string;
  readonly pinnedAtMs: number;
}

export class PinRecords {
  readonly #state: State;
  #pins: readonly Pin[] = [];

  private constructor(state: State) {
    this.#state = state;
  }

  /** @throws Error where the state cannot be read */
  static async open({ state, log }: { state: State; log: Log }): Promise<PinRecords> {
    const records = new PinRecords(state);
    const kept = (await state.get<PinRecord[]>('pins')) ?? [];
    records.#pins = kept.flatMap((record) => pinOf(record, log));
    return records;
  }

  all(): readonly Pin[] {
    return this.#pins;
  }

  /** @throws RegistryError */
  async add(pin: Pin): Promise<void> {
    if (this.#pins.some(({ keys }) => keys.text === pin.keys.text)) return;
    if (this.#pins.length >= pinsMax) {
      throw new RegistryError('too-many-pins', `there are ${pinsMax} pins, which is the limit`);
    }
    await this.#keep([...this.#pins, pin]);
  }

  /** @throws RegistryError */
  async remove(text: string): Promise<void> {
    const left = this.#pins.filter(({ keys }) => keys.text !== text);
    if (left.length === this.#pins.length) {
      throw new RegistryError('not-pinned', `${text} is not pinned; forebay pins lists what is`);
    }
    await this.#keep(left);
  }

  async #keep(pins: readonly Pin[]): Promise<void> {
    const records = pins.map(({ keys, pinnedAtMs }): PinRecord => ({ keys: keys.text, pinnedAtMs }));
    await this.#state.set('pins', records);
    this.#pins = pins;
  }
}

function pinOf({ keys, pinnedAtMs }: PinRecord, log: Log): Pin[] {
  try {
    return [{ keys: parseKeyPattern(keys), pinnedAtMs }];
  } catch (error) {
    log.error({ keys, reason: String(error) }, 'a pin cannot be used');
    return [];
  }
}
