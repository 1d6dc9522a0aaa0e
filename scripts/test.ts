/**
 * `npm test` after the installation: checks, unit tests, end-to-end tests, and their sum as the last line.
 * The programs that only the end-to-end tests need are fetched and built meanwhile.
 */
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { startVitest } from 'vitest/node';
import { SummaryReporter } from '../test/support/summary-reporter.ts';
import { type ToolName, tool } from '../test/support/tools.ts';

const repository = resolve(import.meta.dirname, '..');
const filters = process.argv.slice(2);
const onCi = (process.env.CI ?? '') !== '' && process.env.CI !== 'false';

const tools = prepareTools();
const checksPass = filters.length > 0 || runChecks();
const summary = new SummaryReporter(repository);
await runProject('unit');
await tools;
await runProject('e2e');
await runProject('e2e-alone');
finish();

/** One after the other: two cores are few, and the unit tests run at the same time. */
async function prepareTools(): Promise<void> {
  const names = ['python', 'radosgw', 'versitygw', 'chromium', 'redis'] satisfies ToolName[];
  for (const name of names) await tool(name);
}

function runChecks(): boolean {
  console.log('check');
  return (
    spawnSync(process.execPath, [join(repository, 'scripts/check.ts')], { stdio: 'inherit' }).status === 0
  );
}

async function runProject(project: string): Promise<void> {
  const options = { root: repository, project: [project], watch: false, passWithNoTests: filters.length > 0 };
  const vitest = await startVitest('test', filters, { ...options, reporters: ['default', summary] });
  await vitest.close();
}

function finish(): never {
  const { passed, failed, skipped, errors } = summary.totals;
  console.log('');
  for (const { what, count, reason } of summary.skips()) {
    console.log(`skipped: ${what} (${count} ${count === 1 ? 'test' : 'tests'}) — ${reason}`);
  }
  if (!checksPass) console.log('failed: check (types, lint or format), see the beginning of this output');
  if (errors > 0) console.log(`failed: ${errors} errors outside of tests, see above`);
  const isGood = checksPass && failed === 0 && errors === 0 && passed > 0 && !(onCi && skipped > 0);
  if (onCi && skipped > 0) console.log('failed: nothing may be skipped on CI');
  console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exit(isGood ? 0 : 1);
}
