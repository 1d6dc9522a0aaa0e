/**
 * Whether what clients saw of one key could have happened in some order, one operation after the other, each
 * at an instant between its call and its answer (linearizability of a register). Deletes are writes of
 * `undefined`.
 *
 * The history is walked in the order of time. What is kept is every state that the register may be in, with
 * the open operations that have taken effect in it; an operation takes effect at the latest when it is
 * answered (G. Lowe, Testing for linearizability, 2017: just-in-time linearization).
 */

export interface RegisterOperation {
  readonly kind: 'read' | 'write';
  /** What was written or read; undefined: that there is nothing. */
  readonly value: string | undefined;
  /** Any numbers that grow with time: two operations overlap where they do, and where they touch. */
  readonly calledAt: number;
  /**
   * Undefined for a write of which no outcome is known: it may take effect at any time, or never. What
   * surely had no effect, and reads without an answer, have no place in a history.
   */
  readonly returnedAt: number | undefined;
  /** For people. */
  readonly by?: string | undefined;
}

export interface Violation {
  /** The first one, by its answer, that fits into no order with those before. */
  readonly operation: RegisterOperation;
  /** What the register may have held then. */
  readonly possible: readonly (string | undefined)[];
  /** The operations around it, one a line. */
  readonly story: string;
}

interface Config {
  readonly value: string | undefined;
  /** Numbers of the open operations that have taken effect, in order. */
  readonly done: readonly number[];
  /** And of the writes without an outcome that have. */
  readonly used: readonly number[];
}

/** Beyond it a history cannot be judged in sensible time: too many operations overlap. */
const configsMax = 200_000;

/**
 * @param initial what the register holds before the first operation
 * @throws Error where too many operations overlap
 */
export function checkRegister(
  history: readonly RegisterOperation[],
  initial?: string | undefined,
): Violation | undefined {
  const open = new Open(history);
  let configs: readonly Config[] = [{ value: initial, done: [], used: [] }];
  for (const { at, returns } of eventsOf(history)) {
    if (!returns) {
      open.add(at);
      continue;
    }
    const next = answered(configs, at, open);
    if (next.length === 0) return violationOf(history, at, configs);
    open.known.delete(at);
    configs = next;
  }
  return undefined;
}

/** Operations that were called and not answered. */
class Open {
  readonly known = new Set<number>();
  readonly #history: readonly RegisterOperation[];
  /** Writes without an outcome, which stay open for ever, by what they write. */
  readonly #unknown = new Map<string | undefined, number[]>();

  constructor(history: readonly RegisterOperation[]) {
    this.#history = history;
  }

  add(at: number): void {
    const { returnedAt, value } = this.#history[at]!;
    if (returnedAt !== undefined) this.known.add(at);
    else this.#unknown.set(value, [...(this.#unknown.get(value) ?? []), at]);
  }

  /**
   * What happens where an operation takes effect next; undefined: it cannot. A write without an outcome that
   * nobody sees may as well never happen, so it does so only just before a read that sees it.
   */
  withEffect({ value: before, done, used }: Config, at: number): Config | undefined {
    if (done.includes(at)) return undefined;
    const { kind, value } = this.#history[at]!;
    const after = { value, done: inOrder([...done, at]) };
    if (kind === 'write' || value === before) return { ...after, used };
    const unused = this.#unknown.get(value)?.find((each) => !used.includes(each));
    return unused === undefined ? undefined : { ...after, used: inOrder([...used, unused]) };
  }
}

const inOrder = (numbers: number[]) => numbers.sort((a, b) => a - b);

function eventsOf(operations: readonly RegisterOperation[]): { at: number; returns: boolean }[] {
  const events = operations.flatMap(({ calledAt, returnedAt }, at) => [
    { at, returns: false, time: calledAt },
    ...(returnedAt === undefined ? [] : [{ at, returns: true, time: returnedAt }]),
  ]);
  return events.sort((a, b) => a.time - b.time || Number(a.returns) - Number(b.returns));
}

/** The states after the answer of an operation: those in which it has taken effect by then. */
function answered(before: readonly Config[], at: number, open: Open): Config[] {
  const after = new Map<string, Config>();
  const seen = new Set(before.map(keyOf));
  const left = [...before];
  for (let config = left.pop(); config; config = left.pop()) {
    if (config.done.includes(at)) {
      const answer = { ...config, done: config.done.filter((each) => each !== at) };
      after.set(keyOf(answer), answer);
      continue;
    }
    for (const each of open.known) {
      const next = open.withEffect(config, each);
      if (!next || seen.has(keyOf(next))) continue;
      seen.add(keyOf(next));
      left.push(next);
    }
    if (seen.size > configsMax) throw new Error('too many operations overlap to judge the history');
  }
  return withoutNeedless([...after.values()]);
}

/** Of states that are otherwise alike, one that has used less can do all that one that has used more can. */
function withoutNeedless(configs: readonly Config[]): Config[] {
  const kept = new Map<string, Config[]>();
  for (const config of configs.toSorted((a, b) => a.used.length - b.used.length)) {
    const key = keyOf({ ...config, used: [] });
    const alike = kept.get(key) ?? [];
    const isNeedless = alike.some(({ used }) => used.every((each) => config.used.includes(each)));
    if (!isNeedless) kept.set(key, [...alike, config]);
  }
  return [...kept.values()].flat();
}

function keyOf({ value, done, used }: Config): string {
  return `${done.join()} ${used.join()} ${value === undefined ? '' : `=${value}`}`;
}

function violationOf(
  operations: readonly RegisterOperation[],
  at: number,
  configs: readonly Config[],
): Violation {
  const operation = operations[at]!;
  const until = operation.returnedAt ?? operation.calledAt;
  const around = operations
    .filter(({ calledAt }) => calledAt <= until)
    .sort((a, b) => a.calledAt - b.calledAt)
    .slice(-20);
  const story = around.map((each) => `${each === operation ? '->' : '  '} ${textOf(each)}`).join('\n');
  return { operation, possible: [...new Set(configs.map(({ value }) => value))], story };
}

function textOf({ kind, value, calledAt, returnedAt, by }: RegisterOperation): string {
  return `${calledAt}..${returnedAt ?? '?'} ${by ? `${by}: ` : ''}${kind} ${value ?? '(nothing)'}`;
}
