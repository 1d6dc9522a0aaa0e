/** One line for each client of the interop tests: version, what was shown with it, how long that took. */
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { type Operation, operations } from '../interop/client.ts';

interface Row {
  version: string;
  seconds: number;
  /** `ok`, `FAIL`, or `-` for what the client has no way to do. */
  readonly cells: Map<Operation, string>;
  readonly reasons: string[];
}

export class InteropReporter implements Reporter {
  readonly #rows = new Map<string, Row>();

  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const module of modules) {
      for (const test of module.children.allTests()) this.#note(test);
    }
  }

  /** The table, and beneath it why a client does not do something. */
  lines(): string[] {
    const head = ['client', 'version', ...operations, 'seconds'];
    const rows = [...this.#rows].map(([name, { version, seconds, cells }]) => {
      return [name, version, ...operations.map((one) => cells.get(one) ?? ''), String(Math.round(seconds))];
    });
    const all = [head, ...rows];
    const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
    const table = all.map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
    const reasons = [...this.#rows].flatMap(([name, row]) =>
      row.reasons.map((reason) => `${name}: ${reason}`),
    );
    return [...table, ...(reasons.length > 0 ? ['', ...reasons] : [])];
  }

  #note(test: TestCase): void {
    const { state } = test.result();
    if (state === 'skipped') return;
    const own = test.meta().interop;
    const suite = suiteOf(test);
    const client = own?.client ?? suite?.client;
    if (client === undefined) return;
    const row = this.#rowOf(client, suite?.cannot ?? {});
    row.seconds += (test.diagnostic()?.duration ?? 0) / 1000;
    if (own?.version) row.version = own.version;
    if (own?.operation === undefined) return;
    const before = row.cells.get(own.operation);
    row.cells.set(own.operation, state === 'passed' && before !== 'FAIL' ? 'ok' : 'FAIL');
  }

  #rowOf(client: string, cannot: Partial<Record<Operation, string>>): Row {
    const known = this.#rows.get(client);
    if (known) return known;
    const row: Row = { version: '', seconds: 0, cells: new Map(), reasons: [] };
    for (const [operation, reason] of Object.entries(cannot)) {
      row.cells.set(operation as Operation, '-');
      row.reasons.push(`no ${operation}: ${reason}`);
    }
    this.#rows.set(client, row);
    return row;
  }
}

function suiteOf(test: TestCase) {
  for (let at = test.parent; at.type === 'suite'; at = at.parent) {
    const { interop } = at.meta();
    if (interop) return interop;
  }
  return undefined;
}
