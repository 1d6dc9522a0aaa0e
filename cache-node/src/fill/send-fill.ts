/** Sends the one UFS request of a fill whose version is known. */
import { originOf } from '@forebay/ufs/ufs-origin';
import { Fill } from './fill.ts';
import type { FillContext } from './fill-context.ts';
import type { FillRun } from './fill-run.ts';
import type { FillReader } from './page-flight.ts';
import type { PageSource } from './page-source.ts';

export interface SentFill {
  readonly fill: Fill;
  /** Resolves when the request is over, one way or the other. */
  readonly over: Promise<void>;
}

/** `run` are pages that are missing, and `reader` the one for whom they are brought. */
export function sendFill(
  source: PageSource,
  run: FillRun,
  { context, reader }: { readonly context: FillContext; readonly reader: FillReader },
): SentFill {
  const { pageSizeBytes, info, ufs, object } = source;
  const { ufsKey, versionId } = object;
  const start = run.first * pageSizeBytes;
  const endExclusive = Math.min(run.endExclusive * pageSizeBytes, info.sizeBytes);
  const fill = new Fill(source, run, context);
  fill.attach(reader);
  const open = async () => {
    const sentAtMs = context.clock.monotonicMs();
    const range = { kind: 'span', start, endExclusive } as const;
    const opened = await ufs.get(ufsKey, {
      ...{ range, versionId, ifMatch: info.etag, known: info },
      patient: run.uncounted,
    });
    if (originOf(opened) === 'ufs') context.loads.of(ufs).answered(context.clock.monotonicMs() - sentAtMs);
    return opened;
  };
  return { fill, over: fill.run(open) };
}

export function isMissing({ flights, store }: FillContext, set: string, index: number): boolean {
  const page = { set, index };
  return !flights.get(page) && !store.has(page);
}
