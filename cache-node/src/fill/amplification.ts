/**
 * Read amplification of each mount: bytes read from the UFS to bytes served, over a window of the last
 * minute, kept under the mount's bound by narrowing what is fetched. A fetch is allowed if the bound would
 * still hold after it. So read-ahead, which serves nothing yet, is the first to go, and then the bytes of
 * pages around small reads.
 */
import type { Clock } from '@forebay/core/clock';
import type { Mount } from '@forebay/core/mount';

const bucketMs = 5_000;
const bucketCount = 12;
/** Pages that may be fetched beyond the bound, so that first reads of a quiet mount fill pages. */
const slackPages = 8;

type Bound = Pick<Mount, 'amplificationMax' | 'pageSizeBytes'>;

/** One mount's bytes of the last minute. */
export class Amplification {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #slackBytes: number;
  readonly #fetched = new Float64Array(bucketCount);
  readonly #served = new Float64Array(bucketCount);
  #bucket = 0;
  #fetchedBytes = 0;
  #servedBytes = 0;

  constructor(clock: Clock, bound: Bound) {
    this.#clock = clock;
    this.#max = bound.amplificationMax;
    this.#slackBytes = slackPages * bound.pageSizeBytes;
    this.#bucket = this.#bucketNow();
  }

  /** UFS bytes to served bytes; 0 where nothing was read from the UFS. */
  get ratio(): number {
    this.#turn();
    return this.#fetchedBytes === 0 ? 0 : this.#fetchedBytes / Math.max(1, this.#servedBytes);
  }

  fetched(bytes: number): void {
    this.#turn();
    this.#fetched[this.#bucket % bucketCount]! += bytes;
    this.#fetchedBytes += bytes;
  }

  served(bytes: number): void {
    this.#turn();
    this.#served[this.#bucket % bucketCount]! += bytes;
    this.#servedBytes += bytes;
  }

  /** Whether so many bytes may be fetched in order to serve so many of them. */
  allows(fetchBytes: number, serveBytes: number): boolean {
    this.#turn();
    if (this.#max === Number.POSITIVE_INFINITY) return true;
    const limit = this.#max * (this.#servedBytes + serveBytes) + this.#slackBytes;
    return this.#fetchedBytes + fetchBytes <= limit;
  }

  #bucketNow(): number {
    return Math.floor(this.#clock.monotonicMs() / bucketMs);
  }

  /** Forgets what has left the window. */
  #turn(): void {
    const now = this.#bucketNow();
    if (now === this.#bucket) return;
    const from = Math.max(this.#bucket, now - bucketCount);
    for (let bucket = from + 1; bucket <= now; bucket += 1) {
      const at = bucket % bucketCount;
      this.#fetchedBytes -= this.#fetched[at]!;
      this.#servedBytes -= this.#served[at]!;
      this.#fetched[at] = 0;
      this.#served[at] = 0;
    }
    this.#bucket = now;
  }
}

export interface MountAmplification {
  readonly mountPath: string;
  readonly ratio: number;
  /** Infinity: unlimited. */
  readonly max: number;
}

export class Amplifications {
  readonly #clock: Clock;
  readonly #byMount = new Map<string, { readonly of: Bound; readonly bytes: Amplification }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A mount that was made again with another bound begins anew. */
  of(mount: Bound & { readonly path: string }): Amplification {
    const known = this.#byMount.get(mount.path);
    if (known && isSame(known.of, mount)) return known.bytes;
    const bytes = new Amplification(this.#clock, mount);
    this.#byMount.set(mount.path, { of: mount, bytes });
    return bytes;
  }

  *all(): Generator<MountAmplification> {
    for (const [mountPath, { of, bytes }] of this.#byMount) {
      yield { mountPath, ratio: bytes.ratio, max: of.amplificationMax };
    }
  }
}

function isSame(a: Bound, b: Bound): boolean {
  return a.amplificationMax === b.amplificationMax && a.pageSizeBytes === b.pageSizeBytes;
}
