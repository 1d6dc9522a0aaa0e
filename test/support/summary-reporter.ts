/** Adds up the tests of all projects, and remembers what was skipped and why. */
import { relative } from 'node:path';
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';

export interface Totals {
  readonly passed: number;
  /** Tests, and files that could not be loaded. */
  readonly failed: number;
  readonly skipped: number;
  /** Errors that belong to no test. */
  readonly errors: number;
}

export interface Skip {
  /** The file, and the suite where the skip was declared. */
  readonly what: string;
  readonly count: number;
  readonly reason: string;
}

export class SummaryReporter implements Reporter {
  readonly #root: string;
  #totals: Totals = { passed: 0, failed: 0, skipped: 0, errors: 0 };
  readonly #skips = new Map<string, Skip>();

  constructor(root: string) {
    this.#root = root;
  }

  get totals(): Totals {
    return this.#totals;
  }

  skips(): Skip[] {
    return [...this.#skips.values()];
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    this.#add({ errors: unhandled.length });
    for (const module of modules) {
      let failures = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') this.#add({ passed: 1 });
        else if (state === 'skipped') this.#skip(test);
        else failures += 1;
      }
      // A file or a hook that fails before any of its tests must not look like silence.
      if (failures === 0 && module.state() === 'failed') failures = 1;
      this.#add({ failed: failures });
    }
  }

  #skip(test: TestCase): void {
    this.#add({ skipped: 1 });
    const suite = test.parent.type === 'suite' ? test.parent : undefined;
    const result = test.result();
    const note = result.state === 'skipped' ? result.note : undefined;
    const reason = note ?? reasonOf(test) ?? 'no reason given';
    const file = relative(this.#root, test.module.moduleId);
    const what = `${file}: ${suite ? suite.fullName : test.fullName}`;
    const known = this.#skips.get(`${what} ${reason}`);
    this.#skips.set(`${what} ${reason}`, { what, reason, count: (known?.count ?? 0) + 1 });
  }

  #add(more: Partial<Totals>): void {
    const { passed, failed, skipped, errors } = this.#totals;
    this.#totals = {
      passed: passed + (more.passed ?? 0),
      failed: failed + (more.failed ?? 0),
      skipped: skipped + (more.skipped ?? 0),
      errors: errors + (more.errors ?? 0),
    };
  }
}

/** The test's own reason, or that of the nearest suite around it. */
function reasonOf(test: TestCase): string | undefined {
  const own = test.meta().skipReason;
  if (own !== undefined) return own;
  for (let at = test.parent; at.type === 'suite'; at = at.parent) {
    const reason = at.meta().skipReason;
    if (reason !== undefined) return reason;
  }
  return undefined;
}
