/** `forebay demo` as a user meets it: what it says, and that nothing of it stays. */
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run, startProcess, untilReady } from '../support/process.ts';
import { tempDir } from '../support/temp.ts';

const program = resolve(import.meta.dirname, '../../cli/bin/forebay.js');

interface Step {
  readonly name: string;
  readonly cold: { readonly ufsRequests: number; readonly xCache: Record<string, number> };
  readonly warm: { readonly ufsRequests: number; readonly xCache: Record<string, number> };
  readonly bytes: number;
  readonly savedBytes: number;
  readonly timesFaster: number;
}

/** A directory for temporary files that nobody else uses, so that leftovers show. */
function demoIn(directory: string) {
  return {
    cwd: directory,
    // Settings of the user's own Forebay must not reach those of the demo.
    env: { PATH: process.env.PATH, TMPDIR: directory, FOREBAY_PORT: '1', FOREBAY_PAGE_SIZE: 'nonsense' },
  };
}

function expectNothingLeft(directory: string): void {
  expect(readdirSync(directory)).toEqual([]);
  const running = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => commandOf(pid).includes(directory));
  expect(running).toEqual([]);
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

describe('forebay demo', () => {
  it('reads everything twice, the second time without the bucket, and leaves nothing behind', async () => {
    const directory = tempDir('demo');
    const result = await run(process.execPath, [program, 'demo', '--json'], demoIn(directory));
    expect(result.stderr).toContain('simulated: 40 ms round trip, 320 Mbit/s');
    expect(result.code).toBe(0);
    const { steps, verified } = JSON.parse(result.stdout) as { steps: Step[]; verified: boolean };
    expect(verified).toBe(true);
    expect(steps.map(({ name }) => name)).toEqual(['model', 'table', 'small']);
    for (const step of steps) {
      expect(step.warm.ufsRequests).toBe(0);
      expect(Object.keys(step.warm.xCache)).toEqual(['HIT']);
      expect(step.savedBytes).toBe(step.bytes);
      expect(step.timesFaster).toBeGreaterThan(1);
    }
    expect(steps[2]!.cold).toMatchObject({ ufsRequests: 200, xCache: { MISS: 200 } });
    expectNothingLeft(directory);
  });

  it('ends with 130 on Ctrl-C, with nothing left behind', async () => {
    const directory = tempDir('demo');
    const demo = startProcess(process.execPath, [program, 'demo'], demoIn(directory));
    await untilReady(demo, async () => demo.log().includes('cold  64 MiB model'));
    expect(await demo.stop('SIGINT')).toEqual({ code: 130, signal: null });
    expect(demo.log()).toContain('stopped; everything is removed');
    expectNothingLeft(directory);
  });
});
