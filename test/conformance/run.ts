/** Plays probes against a column and makes the verdicts. */
import { type Check, Mismatch, type Probe, type Section } from './check.ts';
import type { Column } from './column.ts';
import { directoryLimits } from './directory-limits.ts';
import type { Target } from './target.ts';

export type Verdict =
  | { readonly kind: 'yes' }
  /** The store fails the same probe, and the client is told so rightly. */
  | { readonly kind: 'lacks'; readonly note: string }
  | { readonly kind: 'no'; readonly note: string; readonly detail: string };

export type Verdicts = ReadonlyMap<string, Verdict>;

export function isProbe(check: Check): check is Probe {
  return 'run' in check;
}

export function probesOf(sections: readonly Section[]): Probe[] {
  return sections.flatMap(({ checks }) => checks.filter(isProbe));
}

/** @param onSection called after each section, with its verdicts */
export async function runSections(
  column: Column,
  sections: readonly Section[],
  onSection: (section: Section, verdicts: Verdicts) => void = () => undefined,
): Promise<Verdicts> {
  const all = new Map<string, Verdict>();
  for (const section of sections) {
    const verdicts = new Map<string, Verdict>();
    for (const probe of section.checks.filter(isProbe)) verdicts.set(probe.id, await judge(column, probe));
    for (const [id, verdict] of verdicts) all.set(id, verdict);
    onSection(section, verdicts);
  }
  return all;
}

/** Plays a probe through Forebay, and where that fails, at the store itself. */
export async function judge(column: Column, probe: Probe): Promise<Verdict> {
  const failure = await failureOf(probe, column.throughForebay(probe));
  if (!failure) return { kind: 'yes' };
  if (probe.by === 'forebay') return no(failure);
  const target = await column.direct(probe);
  if (!target) return judgeDirectory(probe, failure);
  const atStore = await failureOf(probe, target);
  if (!atStore) return no(failure, 'the store itself answers rightly');
  const same = atStore.step === failure.step && atStore.observed === failure.observed;
  return same || refusesRightly(failure) ? lacks(atStore) : no(failure, `the store itself: ${atStore.note}`);
}

/** A directory has no protocol of its own to be asked in: "not implemented", and what is listed. */
function judgeDirectory(probe: Probe, failure: Mismatch): Verdict {
  if (refusesRightly(failure)) return lacks(failure);
  const limit = directoryLimits[probe.id];
  return limit?.observed === failure.observed ? { kind: 'lacks', note: limit.reason } : no(failure);
}

function refusesRightly({ observed }: Mismatch): boolean {
  return observed === '501 NotImplemented';
}

function lacks({ note }: Mismatch): Verdict {
  return { kind: 'lacks', note };
}

function no(failure: Mismatch, more = ''): Verdict {
  const note = more === '' ? failure.note : `${failure.note} (${more})`;
  return { kind: 'no', note, detail: failure.message };
}

async function failureOf(probe: Probe, target: Target): Promise<Mismatch | undefined> {
  try {
    await probe.run(target);
    return undefined;
  } catch (error) {
    if (error instanceof Mismatch) return error;
    const text = error instanceof Error ? error.message : String(error);
    return new Mismatch(-1, { observed: 'no answer' }, text);
  } finally {
    target.close();
  }
}
