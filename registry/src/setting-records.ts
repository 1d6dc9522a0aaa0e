/** What was set at run time, and who changed it when: one record, on disk before anyone sees a change. */
import type { SettingTexts } from '@forebay/core/live-settings';
import type { State } from './state-store.ts';

const historyMax = 1000;

export interface SettingChange {
  readonly key: string;
  /** Left out: as the start says. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly atMs: number;
  /** Who asked for it: an access key, or `token`. */
  readonly by: string;
}

interface SettingsRecord {
  readonly texts: SettingTexts;
  /** Oldest first. */
  readonly history: readonly SettingChange[];
}

export class SettingRecords {
  readonly #state: State;
  #record: SettingsRecord = { texts: {}, history: [] };

  private constructor(state: State) {
    this.#state = state;
  }

  /** @throws Error where the state cannot be read */
  static async open(state: State): Promise<SettingRecords> {
    const records = new SettingRecords(state);
    records.#record = (await state.get<SettingsRecord>('settings')) ?? records.#record;
    return records;
  }

  get texts(): SettingTexts {
    return this.#record.texts;
  }

  get history(): readonly SettingChange[] {
    return this.#record.history;
  }

  /** Does nothing where it is so already. */
  async set({ key, to, atMs, by }: Omit<SettingChange, 'from'>): Promise<void> {
    const { [key]: from, ...others } = this.#record.texts;
    if (from === to) return;
    const texts = to === undefined ? others : { ...others, [key]: to };
    const history = [...this.#record.history, { key, from, to, atMs, by }].slice(-historyMax);
    const record = { texts, history };
    await this.#state.set('settings', record);
    this.#record = record;
  }
}
