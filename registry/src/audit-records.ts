/**
 * Who changed what by the admin API: the latest changes, in one record. An entry is on disk before who asked
 * for the change hears that it was made.
 */
import type { State } from './state-store.ts';

const entriesMax = 1000;
/** Of all entries together, and of what one says of before and after, each; JSON. */
const bytesMax = 1024 * 1024;
const factBytesMax = 4096;

export interface AuditEntry {
  readonly atMs: number;
  /** An access key, or `token`. */
  readonly by: string;
  /** `mount.add`, `setting.set`, `job.cancel`, ... */
  readonly action: string;
  /** What was changed, by its name. */
  readonly target: string;
  /** Without secrets; undefined: there was nothing. */
  readonly before?: unknown;
  readonly after?: unknown;
}

export class AuditRecords {
  readonly #state: State;
  /** Oldest first, as JSON. */
  #entries: readonly string[] = [];
  #adding: Promise<void> = Promise.resolve();

  private constructor(state: State) {
    this.#state = state;
  }

  /** @throws Error where the state cannot be read */
  static async open(state: State): Promise<AuditRecords> {
    const records = new AuditRecords(state);
    records.#entries = (await state.get<string[]>('audit')) ?? [];
    return records;
  }

  /** The newest first. */
  latest(count: number): AuditEntry[] {
    return this.#entries
      .slice(-count)
      .reverse()
      .map((entry) => JSON.parse(entry) as AuditEntry);
  }

  /** @throws Error where it cannot be kept */
  add(entry: AuditEntry): Promise<void> {
    const { before, after, ...rest } = entry;
    const text = JSON.stringify({ ...rest, before: bounded(before), after: bounded(after) });
    const added = this.#adding.then(async () => {
      const entries = newest([...this.#entries, text]);
      await this.#state.set('audit', entries);
      this.#entries = entries;
    });
    this.#adding = added.catch(() => undefined);
    return added;
  }
}

function bounded(fact: unknown): unknown {
  const text = JSON.stringify(fact);
  return text !== undefined && text.length > factBytesMax ? `${text.slice(0, factBytesMax)}...` : fact;
}

function newest(entries: readonly string[]): readonly string[] {
  let first = Math.max(0, entries.length - entriesMax);
  let bytes = entries.slice(first).reduce((sum, entry) => sum + Buffer.byteLength(entry), 0);
  while (bytes > bytesMax) {
    bytes -= Buffer.byteLength(entries[first]!);
    first += 1;
  }
  return entries.slice(first);
}
