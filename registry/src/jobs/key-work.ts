/** What a job does with one key: within its limits, with its retries, on the node that holds the key. */
import type { Clock } from '@forebay/core/clock';
import type { JobWorker, JobWorkers, WorkOutcome } from '@forebay/core/job-worker';
import type { MountTable, ObjectRef } from '@forebay/core/mount';
import type { ByteRange } from '@forebay/core/range';
import type { JobRecord, KeyTally, Moving } from './job-record.ts';
import { type JobSpec, targetOf } from './job-spec.ts';
import { addTo, type KeySum, type PartAct, type Parted, type PartWork } from './key-parts.ts';
import type { KeyItem } from './key-source.ts';
import { Pace, type Wait } from './pace.ts';
import type { Permits } from './permits.ts';
import { reasonOf, withRetries } from './retries.ts';

/** Parts of one large object at a time. */
const partsAtOnceMax = 4;
/** Of the ring, while a part is worked on, after which it is left where it is. */
const ringChangesMax = 5;
/** Where bytes are limited, a part is no more than this much of the time. */
const pacedPartSeconds = 4;
const pacedPartBytesMin = 8 * 1024 * 1024;

export interface KeyWorkDeps {
  readonly workers: JobWorkers;
  readonly mounts: () => MountTable;
  /** Pins what a job is to pin. */
  readonly pin: (keys: string) => Promise<void>;
  /** Of one node. */
  readonly permitsOf: (nodeId: string) => Permits;
  readonly clock: Clock;
  readonly wait: Wait;
}

export class KeyWork {
  readonly #id: string;
  readonly #spec: JobSpec;
  readonly #deps: KeyWorkDeps;
  readonly #signal: AbortSignal;
  readonly #requests: Pace;
  readonly #bytes: Pace;
  readonly #partBytes: number;
  readonly replicas: number;

  constructor({ id, spec }: Pick<JobRecord, 'id' | 'spec'>, deps: KeyWorkDeps, signal: AbortSignal) {
    this.#id = id;
    this.#spec = spec;
    this.#deps = deps;
    this.#signal = signal;
    const { bytesPerSecondMax, ufsRequestsPerSecondMax, replicas = 1 } = spec;
    this.replicas = replicas;
    const { clock, wait } = deps;
    this.#requests = new Pace({ perSecond: ufsRequestsPerSecondMax, clock, wait });
    this.#bytes = new Pace({ perSecond: bytesPerSecondMax, clock, wait });
    const paced = Math.max(
      pacedPartBytesMin,
      (bytesPerSecondMax ?? Number.POSITIVE_INFINITY) * pacedPartSeconds,
    );
    this.#partBytes = Math.min(deps.workers.partBytes, paced);
  }

  /** @throws Error where a job that begins cannot do what it is to do */
  async prepare(isNew: boolean): Promise<void> {
    const { kind, keys, dryRun } = this.#spec;
    const { nodeCount } = this.#deps.workers;
    if (isNew && this.replicas > Math.max(1, nodeCount)) {
      throw new Error(`${this.replicas} replicas take as many cache nodes; now there are ${nodeCount}`);
    }
    if (kind === 'pin' && keys !== undefined && !dryRun) await this.#deps.pin(keys);
  }

  /** A listing, or anything else that is one request to the UFS. */
  list<T>(ask: () => Promise<T>): Promise<T> {
    return this.#retried(async () => {
      await this.#requests.take(1, this.#signal);
      return ask();
    });
  }

  /** @throws the signal's reason alone: all else is the key's failure */
  async do(item: KeyItem): Promise<KeyTally> {
    const sum: KeySum = { bytes: 0, ufsRequests: 0, ufsBytes: 0, cached: true };
    try {
      const reason = item.object ? await this.#act(item, item.object, sum) : 'no mount covers it';
      if (reason !== undefined) return this.#failed(item, sum, reason);
    } catch (error) {
      this.#signal.throwIfAborted();
      return this.#failed(item, sum, reasonOf(error));
    }
    const { cached, ...figures } = sum;
    return { result: cached ? 'skipped' : 'loaded', ...figures };
  }

  /** Of what was copied. @throws the signal's reason alone */
  async remove({ bucket, key, etag, tally }: Moving): Promise<KeyTally> {
    const { leaves: _, ...copied } = tally;
    let used = { ufsRequests: 0, ufsBytes: 0 };
    const staysBecause = (reason: string): KeyTally => ({
      ...{ ...copied, result: 'failed', ufsRequests: copied.ufsRequests + used.ufsRequests },
      failure: { key: `s3://${bucket}/${key}`, reason: `it was copied: ${reason}` },
    });
    const source = this.#deps.mounts().resolve(bucket, key);
    if (!source) return staysBecause('no mount covers it any more');
    try {
      const signal = this.#signal;
      const act = (worker: JobWorker) => worker.remove({ source, etag, signal });
      const { reason, ...figures } = await this.#unit(source, { bytes: 0, act });
      used = figures;
      if (reason !== undefined) return staysBecause(reason);
    } catch (error) {
      this.#signal.throwIfAborted();
      return staysBecause(reasonOf(error));
    }
    return { ...copied, result: 'loaded', ufsRequests: copied.ufsRequests + used.ufsRequests };
  }

  /** Why it was refused; undefined: done. */
  #act(item: KeyItem, object: ObjectRef, sum: KeySum): Promise<string | undefined> {
    const { kind } = this.#spec;
    if (kind === 'verify') return this.#verify(item, object, sum);
    return kind === 'copy' || kind === 'move' ? this.#copy(item, object, sum) : this.#load(item, object, sum);
  }

  #load({ listed }: KeyItem, object: ObjectRef, sum: KeySum): Promise<string | undefined> {
    const { metadataOnly, dryRun } = this.#spec;
    const request = { object, listed, dryRun, signal: this.#signal };
    return this.#byParts({ object, listed, sum, metadataOnly, isFromUfs: true }, (worker, part) =>
      worker.load({ ...request, ...part }),
    );
  }

  #verify({ listed }: KeyItem, object: ObjectRef, sum: KeySum): Promise<string | undefined> {
    const request = { object, listed, signal: this.#signal };
    return this.#byParts({ object, listed, sum, metadataOnly: false, isFromUfs: false }, (worker, part) =>
      worker.verify({ ...request, ...part }),
    );
  }

  /** The first part tells the version and the size, and the others are of it. */
  async #byParts(of: Parted, act: PartAct): Promise<string | undefined> {
    const { listed, metadataOnly, isFromUfs } = of;
    const size = this.#partBytes;
    const rangeOf = (part: number): ByteRange => ({ start: part * size, endExclusive: (part + 1) * size });
    const first = await this.#everywhere(of, {
      start: 0,
      bytes: isFromUfs ? Math.min(listed?.sizeBytes ?? size, size) : 0,
      act: (worker, info) => act(worker, metadataOnly ? {} : { info, range: rangeOf(0) }),
    });
    if (first.kind === 'refused') return first.reason;
    const { info } = first;
    const parts = metadataOnly ? 0 : Math.ceil(info.sizeBytes / size);
    let refusal: string | undefined;
    let next = 1;
    const work = async () => {
      while (next < parts && refusal === undefined) {
        const part = next;
        next += 1;
        const range = rangeOf(part);
        const outcome = await this.#everywhere(of, {
          start: range.start,
          bytes: isFromUfs ? Math.min(range.endExclusive, info.sizeBytes) - range.start : 0,
          act: (worker) => act(worker, { info, range }),
        });
        if (outcome.kind === 'refused') refusal = outcome.reason;
      }
    };
    await Promise.all(Array.from({ length: Math.max(0, Math.min(partsAtOnceMax, parts - 1)) }, work));
    return refusal;
  }

  /** A part at its owner, and then at those that hold copies of it: they take it from the owner. */
  async #everywhere({ object, sum }: Parted, { start, bytes, act }: PartWork): Promise<WorkOutcome> {
    const first = await this.#placed(
      { object, sum },
      { start, bytes, act: (worker) => act(worker, undefined) },
    );
    addTo(sum, first);
    if (first.kind === 'refused') return first;
    const { info } = first;
    for (let replica = 1; replica < this.replicas; replica += 1) {
      const copied = await this.#placed(
        { object, sum },
        {
          start,
          bytes: 0,
          replica,
          act: (worker) => act(worker, info),
        },
      );
      addTo(sum, this.#spec.dryRun ? { ...copied, ufsRequests: 0, ufsBytes: 0 } : copied);
      if (copied.kind === 'refused') return copied;
    }
    return first;
  }

  /** Done where reads look for it: the ring may have given the part to another node meanwhile. */
  async #placed(
    { object, sum }: Pick<Parted, 'object' | 'sum'>,
    unit: Unit<WorkOutcome>,
  ): Promise<WorkOutcome> {
    for (let changes = 0; ; changes += 1) {
      let nodeId = '';
      const onNode = (id: string) => {
        nodeId = id;
      };
      const outcome = await this.#unit(object, { ...unit, onNode });
      if (changes === ringChangesMax || this.#isAt(nodeId, object, unit)) return outcome;
      addTo(sum, { ...outcome, bytes: 0 });
    }
  }

  #isAt(nodeId: string, object: ObjectRef, { start = 0, replica }: Unit<WorkOutcome>): boolean {
    const { workers } = this.#deps;
    try {
      return workers.of(object, Math.floor(start / workers.partBytes), replica).nodeId === nodeId;
    } catch {
      // Nobody else has it.
      return true;
    }
  }

  async #copy({ key, listed }: KeyItem, source: ObjectRef, sum: KeySum): Promise<string | undefined> {
    const { kind, dryRun } = this.#spec;
    const to = targetOf(this.#spec)(key);
    const target = this.#deps.mounts().resolve(to.bucket, to.key);
    if (!target) return `no mount covers its target s3://${to.bucket}/${to.key}`;
    if (target.mount.readOnly) return `the mount ${target.mount.path} is read-only`;
    if (kind === 'move' && source.mount.readOnly) return `the mount ${source.mount.path} is read-only`;
    const bytes = listed?.sizeBytes ?? 0;
    if (dryRun) {
      addTo(sum, { kind: 'planned', bytes, ufsRequests: 2, ufsBytes: bytes });
      return undefined;
    }
    const request = { job: this.#id, source, target, signal: this.#signal };
    const outcome = await this.#unit(source, { bytes, act: (worker) => worker.copy(request) });
    addTo(sum, outcome);
    if (outcome.kind === 'refused') return outcome.reason;
    if (kind === 'move') sum.leaves = { etag: outcome.info.etag ?? '' };
    return undefined;
  }

  #unit<T extends UsedUfs>(object: ObjectRef, unit: Unit<T>): Promise<T> {
    const { workers, permitsOf } = this.#deps;
    return this.#retried(async () => {
      const part = Math.floor((unit.start ?? 0) / workers.partBytes);
      const { nodeId, worker } = workers.of(object, part, unit.replica);
      unit.onNode?.(nodeId);
      await this.#requests.take(1, this.#signal);
      await this.#bytes.take(unit.bytes, this.#signal);
      const leave = await permitsOf(nodeId).enter(this.#spec.priority, this.#signal);
      let used: UsedUfs = { ufsRequests: 1, ufsBytes: unit.bytes };
      try {
        const outcome = await unit.act(worker);
        used = outcome;
        return outcome;
      } finally {
        leave();
        this.#requests.correct(used.ufsRequests - 1);
        this.#bytes.correct(used.ufsBytes - unit.bytes);
      }
    });
  }

  #failed({ bucket, key, listed }: KeyItem, sum: KeySum, reason: string): KeyTally {
    const { ufsRequests, ufsBytes } = sum;
    const failure = { key: `s3://${bucket}/${key}`, reason };
    const bytes = (listed?.sizeBytes ?? 0) * this.replicas;
    return { result: 'failed', bytes, ufsRequests, ufsBytes, failure };
  }

  #retried<T>(act: () => Promise<T>): Promise<T> {
    const { retriesMax } = this.#spec;
    return withRetries(act, { retriesMax, wait: this.#deps.wait, signal: this.#signal });
  }
}

type UsedUfs = Pick<WorkOutcome, 'ufsRequests' | 'ufsBytes'>;

interface Unit<T extends UsedUfs> {
  /** Of the object. */
  readonly start?: number;
  readonly replica?: number;
  /** Most that it may take from the UFS. */
  readonly bytes: number;
  readonly act: (worker: JobWorker) => Promise<T>;
  /** Told of who is asked. */
  readonly onNode?: (nodeId: string) => void;
}
