/**
 * Whether what clients saw of one register can be explained by an order in which every operation took effect
 * at one instant between its start and its end (linearizability). Operations are taken up in the order of
 * time; kept are all states that the register may be in, with those of the open operations that have taken
 * effect in them. An operation that ends must have taken effect.
 */
export interface RegisterOperation<Value> {
  readonly kind: 'read' | 'write';
  /** What was written, or what was read; compared by `===`. */
  readonly value: Value;
  /** Any clock, the same for all. */
  readonly start: number;
  /** Infinity: nobody knows whether it took effect or ever will. Only of writes. */
  readonly end: number;
}

export interface Violation<Operation> {
  /** The first one, by its end, that nothing explains. */
  readonly operation: Operation;
  /** What the register may have held when it ended. */
  readonly possible: readonly unknown[];
}

interface State {
  readonly value: unknown;
  /** Open operations that have taken effect. */
  readonly done: ReadonlySet<number>;
}

/** @returns undefined where the history can be explained */
export function violationOf<Operation extends RegisterOperation<unknown>>(
  history: readonly Operation[],
  initial: Operation['value'],
): Violation<Operation> | undefined {
  const search = new Search(withoutUnseen(history));
  let states: readonly State[] = [{ value: initial, done: new Set() }];
  for (const { id, isStart } of eventsOf(search.operations)) {
    if (isStart) {
      search.open.add(id);
      states = distinct(states.map((state) => search.readAll(state)));
      continue;
    }
    const after = distinct(states.flatMap((state) => search.untilDone(state, id)));
    if (after.length === 0) {
      const possible = [...new Set(states.map(({ value }) => value))];
      return { operation: search.operations[id]!, possible };
    }
    search.open.delete(id);
    states = distinct(after.map(({ value, done }) => ({ value, done: without(done, id) })));
  }
  return undefined;
}

/** A write that nobody knows the end of, and nobody saw, explains nothing. */
function withoutUnseen<Operation extends RegisterOperation<unknown>>(history: readonly Operation[]) {
  const seen = new Set(history.filter(({ kind }) => kind === 'read').map(({ value }) => value));
  return history.filter(({ end, value }) => end !== Number.POSITIVE_INFINITY || seen.has(value));
}

/** At one instant, starts come first: what touches is taken for concurrent. */
function eventsOf(operations: readonly RegisterOperation<unknown>[]) {
  return operations
    .flatMap(({ start, end }, id) => [
      { id, isStart: true, at: start },
      ...(end === Number.POSITIVE_INFINITY ? [] : [{ id, isStart: false, at: end }]),
    ])
    .sort((a, b) => a.at - b.at || Number(b.isStart) - Number(a.isStart));
}

class Search<Operation extends RegisterOperation<unknown>> {
  readonly operations: readonly Operation[];
  readonly open = new Set<number>();

  constructor(operations: readonly Operation[]) {
    this.operations = operations;
  }

  /** Lets all open reads of the present value happen: that takes nothing from anybody. */
  readAll({ value, done }: State): State {
    const reads = [...this.open].filter((id) => {
      const operation = this.operations[id]!;
      return operation.kind === 'read' && operation.value === value && !done.has(id);
    });
    return reads.length === 0 ? { value, done } : { value, done: new Set([...done, ...reads]) };
  }

  /** All states in which the operation has taken effect, by no more steps than that needs. */
  untilDone(from: State, id: number): readonly State[] {
    const found: State[] = [];
    const known = new Set<string>();
    const left = [from];
    for (let state = left.pop(); state; state = left.pop()) {
      if (state.done.has(id)) {
        found.push(state);
        continue;
      }
      const key = keyOf(state);
      if (known.has(key)) continue;
      known.add(key);
      left.push(...this.#nextOf(state));
    }
    return found;
  }

  #nextOf({ value, done }: State): readonly State[] {
    const next: State[] = [];
    const guessed = new Set<unknown>([value]);
    for (const id of this.open) {
      const operation = this.operations[id]!;
      if (operation.kind === 'read' || done.has(id)) continue;
      if (operation.end === Number.POSITIVE_INFINITY) {
        // It need not happen at all: only a read that waits for its value calls for it, and one is enough.
        if (guessed.has(operation.value)) continue;
        guessed.add(operation.value);
        if (!this.#isAwaited(operation.value, done)) continue;
      }
      next.push(this.readAll({ value: operation.value, done: new Set([...done, id]) }));
    }
    return next;
  }

  #isAwaited(value: unknown, done: ReadonlySet<number>): boolean {
    return [...this.open].some((id) => {
      const operation = this.operations[id]!;
      return operation.kind === 'read' && operation.value === value && !done.has(id);
    });
  }
}

function without(ids: ReadonlySet<number>, id: number): ReadonlySet<number> {
  const rest = new Set(ids);
  rest.delete(id);
  return rest;
}

function keyOf({ value, done }: State): string {
  return `${typeof value} ${String(value)} ${[...done].sort((a, b) => a - b).join(' ')}`;
}

function distinct(states: readonly State[]): readonly State[] {
  return [...new Map(states.map((state) => [keyOf(state), state])).values()];
}
