/**
 * What a check of conformance is: a claim about S3, and a probe that plays it against one endpoint. The same
 * probe runs through Forebay and directly against the UFS; run.ts makes the verdict of the two.
 */
import type { Target } from './target.ts';

/** The bucket a probe gets: one for all, or one that is made for it alone. */
export type BucketKind = 'shared' | 'own' | 'versioned' | 'locked';

interface Claim {
  /** Number of the wire item, `76` or `76.2`, or the name of an operation. */
  readonly id: string;
  readonly title: string;
}

export interface Probe extends Claim {
  /**
   * `forebay`: answered from what Forebay knows, so no store excuses a wrong answer. `ufs`: the store decides,
   * and what it cannot do is shown as such.
   */
  readonly by: 'forebay' | 'ufs';
  readonly bucket: BucketKind;
  readonly run: (target: Target) => Promise<void>;
}

/** A claim that no request to a healthy store can show: a test of the suite does. */
export interface Proven extends Claim {
  /** File and test title. */
  readonly proof: { readonly file: string; readonly test: string };
}

/** What asks nothing of Forebay. */
export interface NotApplicable extends Claim {
  readonly reason: string;
}

export type Check = Probe | Proven | NotApplicable;

export interface Section {
  readonly title: string;
  readonly checks: readonly Check[];
}

type Run = (target: Target) => Promise<void>;

/** A check that Forebay must pass on any store. */
export function forebay(id: string, title: string, run: Run, bucket: BucketKind = 'shared'): Probe {
  return { id, title, by: 'forebay', bucket, run };
}

/** A check whose answer is the store's. */
export function ufs(id: string, title: string, run: Run, bucket: BucketKind = 'shared'): Probe {
  return { id, title, by: 'ufs', bucket, run };
}

export function proven(id: string, title: string, file: string, test: string): Proven {
  return { id, title, proof: { file, test } };
}

export function notApplicable(id: string, title: string, reason: string): NotApplicable {
  return { id, title, reason };
}

/** The answer was not S3's. `observed` is short and the same on every run: it goes into the table. */
export class Mismatch extends Error {
  /** How many answers were judged before this one. */
  readonly step: number;
  readonly observed: string;
  /** The same with what was wanted, where the status differs. */
  readonly note: string;

  constructor(step: number, seen: { readonly observed: string; readonly note?: string }, detail: string) {
    super(detail);
    this.name = 'Mismatch';
    this.step = step;
    this.observed = seen.observed;
    this.note = seen.note ?? seen.observed;
  }
}
