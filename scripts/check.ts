/**
 * `npm run check`: types and lint, all findings at once. The rules of the house are tests: test/tidy.test.ts.
 */
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';

const repository = resolve(import.meta.dirname, '..');
const checks = [
  { title: 'types', program: 'tsc', args: [] },
  { title: 'types of loadtest', program: 'tsc', args: ['-p', 'loadtest'] },
  { title: 'lint and format', program: 'biome', args: ['check', '--error-on-warnings', '.'] },
];

let failed = 0;
for (const { title, program, args } of checks) {
  const startedAtMs = performance.now();
  const path = join(repository, 'node_modules/.bin', program);
  const { status, error } = spawnSync(path, args, { cwd: repository, stdio: 'inherit' });
  if (error) console.error(error.message);
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok' : 'FAILED'}  ${title} (${program}, ${seconds} s)`);
  if (status !== 0) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;
