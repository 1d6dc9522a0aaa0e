/**
 * The records of jobs behind Keyv: one per job, replaced at each checkpoint; failures in pages beside it. A
 * page is written before the record that counts it, so a crash in between leaves lines that nobody counts
 * and that are written over.
 */
import type { State } from '../state-store.ts';
import type { JobFailure, JobRecord } from './job-record.ts';

const failuresPerPage = 100;
/** So many jobs that are over are kept. */
const overMax = 1000;

export class JobStore {
  readonly #state: State;
  #ids: string[] = [];

  private constructor(state: State) {
    this.#state = state;
  }

  /** @throws Error where the state cannot be read */
  static async open(state: State): Promise<{ store: JobStore; records: JobRecord[] }> {
    const store = new JobStore(state);
    store.#ids = (await state.get<string[]>('jobs')) ?? [];
    const records: JobRecord[] = [];
    for (const id of store.#ids) {
      const record = await state.get<JobRecord>(`job:${id}`);
      if (record) records.push(record);
    }
    return { store, records };
  }

  async add(record: JobRecord): Promise<void> {
    await this.#state.set(`job:${record.id}`, record);
    this.#ids.push(record.id);
    await this.#state.set('jobs', this.#ids);
  }

  /** @param failures those that the record counts and the one before did not */
  async save(record: JobRecord, failures: readonly JobFailure[] = []): Promise<void> {
    if (failures.length > 0) {
      await this.#addFailures(record.id, record.counts.objects.failed - failures.length, failures);
    }
    await this.#state.set(`job:${record.id}`, record);
  }

  async #addFailures(id: string, before: number, failures: readonly JobFailure[]): Promise<void> {
    let at = before;
    let left = failures;
    while (left.length > 0) {
      const page = Math.floor(at / failuresPerPage);
      const kept = at % failuresPerPage === 0 ? [] : await this.#page(id, page);
      const room = failuresPerPage - (at % failuresPerPage);
      const lines = [...kept.slice(0, at % failuresPerPage), ...left.slice(0, room)];
      await this.#state.set(pageKey(id, page), lines);
      at += Math.min(room, left.length);
      left = left.slice(room);
    }
  }

  /** In the order in which they were counted. */
  async failures({ id, counts }: JobRecord, offset: number, countMax: number): Promise<JobFailure[]> {
    const end = Math.min(counts.objects.failed, offset + countMax);
    const found: JobFailure[] = [];
    for (let at = offset; at < end; ) {
      const page = Math.floor(at / failuresPerPage);
      const pageStart = page * failuresPerPage;
      const lines = (await this.#page(id, page)).slice(at - pageStart, end - pageStart);
      if (lines.length === 0) break;
      found.push(...lines);
      at += lines.length;
    }
    return found;
  }

  async remove({ id, counts }: JobRecord): Promise<void> {
    this.#ids = this.#ids.filter((other) => other !== id);
    await this.#state.set('jobs', this.#ids);
    const pages = Math.ceil(counts.objects.failed / failuresPerPage);
    for (let page = 0; page < pages; page += 1) await this.#state.delete(pageKey(id, page));
    await this.#state.delete(`job:${id}`);
  }

  /** Of jobs that are over, oldest first, those that are too many. */
  static tooMany(over: readonly JobRecord[]): readonly JobRecord[] {
    return over.slice(0, Math.max(0, over.length - overMax));
  }

  async #page(id: string, page: number): Promise<JobFailure[]> {
    return (await this.#state.get<JobFailure[]>(pageKey(id, page))) ?? [];
  }
}

function pageKey(id: string, page: number): string {
  return `job:${id}:failures:${page}`;
}
