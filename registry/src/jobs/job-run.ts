/**
 * One run of a job over its keys. Keys are taken in order and worked on side by side; what is kept is the
 * place up to which all are done with, and the counts of just those. So a process that dies loses no key and
 * repeats no more than were taken since the last checkpoint: `checkpointKeysMax`.
 */
import { ForebayError } from '@forebay/core/errors';
import { type Freed, silentText } from '@forebay/core/freeing';
import { parseKeyPattern } from '@forebay/core/key-pattern';
import { allOrStop } from './all-or-stop.ts';
import type { Cursor, JobCounts, JobRecord, KeyTally, Moving } from './job-record.ts';
import { noCounts, withKey, withLists, withUfs } from './job-record.ts';
import type { JobStore } from './job-store.ts';
import { type KeyItem, keysFrom } from './key-source.ts';
import { KeyWork, type KeyWorkDeps } from './key-work.ts';
import type { Manifest, Manifests } from './manifests.ts';
import type { JobMetrics } from './metrics.ts';
import { Removals } from './removals.ts';
import { withRetries } from './retries.ts';

/** More than so many keys failed: something is wrong that is not about keys. */
export const failuresMax = 100_000;

export interface JobRunDeps extends KeyWorkDeps {
  readonly store: JobStore;
  readonly manifests: Manifests;
  readonly free: (request: {
    readonly keys: ReturnType<typeof parseKeyPattern>;
    readonly pinned: boolean;
    readonly dryRun: boolean;
    readonly signal: AbortSignal;
    readonly onProgress: (freed: Freed) => void;
  }) => Promise<Freed>;
  /** Told of each key once it is kept that the job is done with it. */
  readonly onKey?: JobMetrics['count'] | undefined;
  readonly checkpointKeysMax: number;
  readonly checkpointMs: number;
}

interface Entry {
  readonly item: KeyItem;
  tally?: KeyTally;
}

export class JobRun {
  readonly #deps: JobRunDeps;
  readonly #startedMs: number;
  readonly #startTotal: { readonly objects: number; readonly bytes: number };
  /** Taken and not yet part of a checkpoint, in order. */
  readonly #entries: Entry[] = [];
  #record: JobRecord;
  #lists = 0;
  #expected: JobRecord['expected'];
  #saving: Promise<void> = Promise.resolve();
  #changed = Promise.withResolvers<void>();
  #removals: Removals | undefined;

  constructor(record: JobRecord, deps: JobRunDeps) {
    this.#record = record;
    this.#deps = deps;
    this.#startedMs = deps.clock.monotonicMs();
    this.#startTotal = { objects: record.counts.objects.total, bytes: record.counts.bytes.total };
  }

  /** The numbers of now; what a restart would know is behind them by what is not part of a checkpoint. */
  get live(): JobRecord {
    let { counts } = this.#record;
    for (const { tally } of this.#entries) if (tally && !tally.leaves) counts = withKey(counts, tally);
    for (const [, tally] of this.#removals?.done ?? []) counts = withKey(counts, tally);
    return { ...this.#record, counts: withLists(counts, this.#lists), expected: this.#expectedNow() };
  }

  /** The numbers of the last checkpoint, which `cursor` belongs to. */
  get kept(): JobRecord {
    return { ...this.#record, expected: this.#expectedNow() };
  }

  /** Of this run, keys and bytes done with per second. */
  get rate(): { readonly objectsPerSecond: number; readonly bytesPerSecond: number } {
    const seconds = Math.max(0.001, (this.#deps.clock.monotonicMs() - this.#startedMs) / 1000);
    const { objects, bytes } = this.live.counts;
    return {
      objectsPerSecond: (objects.total - this.#startTotal.objects) / seconds,
      bytesPerSecond: (bytes.total - this.#startTotal.bytes) / seconds,
    };
  }

  /**
   * Resolves with the record once every key is done with.
   * @throws the signal's reason; Error where the job as a whole cannot go on. `kept` is what to go on from.
   */
  async run(signal: AbortSignal): Promise<JobRecord> {
    if (this.#record.spec.kind === 'free') return this.#free(signal);
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    both.addEventListener('abort', this.#tellChanged, { once: true });
    const timer = setInterval(() => void this.#checkpoint().catch(() => {}), this.#deps.checkpointMs);
    try {
      const work = new KeyWork(this.#record, this.#deps, both);
      await work.prepare(this.#record.cursor === undefined);
      const removals = new Removals((moving) => work.remove(moving), this.#tellChanged);
      this.#removals = removals;
      removals.begin(this.#record.moving ?? []);
      const manifest = await this.#manifest();
      const keys = this.#taken(this.#keys(this.#record.cursor, { work, manifest, signal: both }), both);
      if (!manifest) void this.#count({ work, manifest, signal: both });
      const count = this.#record.spec.concurrencyMax;
      await allOrStop(
        stop,
        Array.from({ length: count }, () => this.#work(keys, work)),
      );
      await this.#checkpoint();
      await removals.over();
    } finally {
      clearInterval(timer);
      stop.abort();
      await this.#checkpoint();
      this.#leave();
    }
    const { total } = this.#record.counts.objects;
    return { ...this.#record, expected: { objects: total, bytes: this.#record.counts.bytes.total } };
  }

  /** A node that is gone is waited for, and what was freed by then is counted once: it is found no more. */
  async #free(signal: AbortSignal): Promise<JobRecord> {
    const { free, wait, store, checkpointMs } = this.#deps;
    const { keys = '', pinned, dryRun, retriesMax } = this.#record.spec;
    const request = { keys: parseKeyPattern(keys), pinned, dryRun, signal };
    const keep = () => {
      this.#saving = this.#saving.then(() => store.save(this.#record)).catch(() => {});
    };
    const timer = setInterval(keep, checkpointMs);
    try {
      await withRetries(
        async () => {
          const show = this.#freedOver(dryRun ? noCounts : this.#record.counts);
          const freed = await free({ ...request, onProgress: show });
          show(freed);
          if (freed.silent) throw new ForebayError('node-unavailable', silentText(freed.silent));
        },
        { retriesMax, wait, signal },
      );
    } finally {
      clearInterval(timer);
      await this.#saving;
    }
    return this.#record;
  }

  #freedOver(before: JobCounts): (freed: Freed) => void {
    return ({ pages, bytes, pinnedBytes }) => {
      const loaded = before.bytes.loaded + bytes;
      const sums = { ...before.bytes, total: loaded + pinnedBytes, loaded, skipped: pinnedBytes };
      const counts = { ...before, bytes: sums, pages: (before.pages ?? 0) + pages };
      this.#record = { ...this.#record, counts };
    };
  }

  async #manifest(): Promise<Manifest | undefined> {
    const { manifest: id } = this.#record.spec;
    if (id === undefined) return undefined;
    const manifest = await this.#deps.manifests.find(id);
    if (!manifest) throw new Error(`the manifest ${id} is not there any more`);
    const { lines, bytes } = manifest;
    if (bytes !== undefined) this.#expected = { objects: lines, bytes };
    return manifest;
  }

  #keys(cursor: Cursor | undefined, of: KeysOf) {
    const { manifests, mounts, workers } = this.#deps;
    return keysFrom(cursor, {
      ...{ spec: this.#record.spec, mounts: mounts(), workers, manifests },
      ...{ manifest: of.manifest, signal: of.signal },
      ask: (list) =>
        of.work.list(async () => {
          this.#lists += 1;
          return list();
        }),
    });
  }

  /** Each key is put down in the order in which it was taken. */
  async *#taken(keys: AsyncGenerator<KeyItem, void>, signal: AbortSignal): AsyncGenerator<Entry, void> {
    for await (const item of keys) {
      while (this.#isFull) {
        signal.throwIfAborted();
        const changed = this.#changed.promise;
        await this.#checkpoint();
        if (this.#isFull) await changed;
      }
      const entry: Entry = { item };
      this.#entries.push(entry);
      yield entry;
    }
  }

  /** More must not be taken before a checkpoint. */
  get #isFull(): boolean {
    return this.#entries.length + (this.#removals?.count ?? 0) >= this.#deps.checkpointKeysMax;
  }

  readonly #tellChanged = (): void => {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  };

  async #work(keys: AsyncGenerator<Entry, void>, work: KeyWork): Promise<void> {
    for (;;) {
      const { done, value: entry } = await keys.next();
      if (done) return;
      entry.tally = await work.do(entry.item);
      this.#tellChanged();
    }
  }

  /** How much there is, beside the work: for percentages and the time that is left. */
  async #count(of: KeysOf): Promise<void> {
    const { expected, cursor, counts, moving = [] } = this.#record;
    if (expected) return;
    // What a move has done is not listed any more.
    let objects = counts.objects.total + moving.length;
    let bytes = counts.bytes.total + moving.reduce((sum, { tally }) => sum + tally.bytes, 0);
    try {
      for await (const { listed } of this.#keys(cursor, of)) {
        objects += 1;
        bytes += (listed?.sizeBytes ?? 0) * of.work.replicas;
      }
      this.#expected = { objects, bytes };
    } catch {
      // Of use to people alone; the work meets the same store.
    }
  }

  #expectedNow(): JobRecord['expected'] {
    return this.#expected ?? this.#record.expected;
  }

  /** Keys beyond the checkpoint come again, and count then; what they took from the UFS counts now. */
  #leave(): void {
    let { counts } = this.#record;
    for (const { tally } of this.#entries.splice(0)) if (tally) counts = withUfs(counts, tally);
    this.#record = { ...this.#record, counts };
  }

  #checkpoint(): Promise<void> {
    const save = this.#saving.then(() => this.#save());
    this.#saving = save.catch(() => {});
    return save;
  }

  async #save(): Promise<void> {
    let count = 0;
    let { counts, cursor } = this.#record;
    const tallies: KeyTally[] = [];
    const copied: Moving[] = [];
    for (const { item, tally } of this.#entries) {
      if (!tally) break;
      count += 1;
      cursor = item.after;
      const { bucket, key } = item;
      if (tally.leaves) copied.push({ bucket, key, etag: tally.leaves.etag, tally });
      else tallies.push(tally);
    }
    const removals = this.#removals;
    const gone = removals?.done ?? [];
    for (const [, tally] of gone) tallies.push(tally);
    const lists = this.#lists;
    if (count === 0 && lists === 0 && gone.length === 0) return;
    for (const tally of tallies) counts = withKey(counts, tally);
    counts = withLists(counts, lists);
    const over = new Set(gone.map(([moving]) => moving));
    const left = (this.#record.moving ?? []).filter((one) => !over.has(one));
    const moving = left.length + copied.length > 0 ? [...left, ...copied] : undefined;
    const record = { ...this.#record, counts, cursor, moving, expected: this.#expectedNow() };
    await this.#deps.store.save(
      record,
      tallies.flatMap(({ failure }) => failure ?? []),
    );
    this.#entries.splice(0, count);
    removals?.forget(gone);
    removals?.begin(copied);
    const { onKey } = this.#deps;
    for (const tally of tallies) onKey?.(record.spec.kind, tally);
    this.#lists -= lists;
    this.#record = record;
    if (counts.objects.failed > failuresMax) throw new Error(`more than ${failuresMax} keys failed`);
  }
}

interface KeysOf {
  readonly work: KeyWork;
  readonly manifest: Manifest | undefined;
  readonly signal: AbortSignal;
}
