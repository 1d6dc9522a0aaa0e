/**
 * `npm run test:interop [CLIENT]...`: S3 clients as their users have them, against a real Forebay. A client is
 * named by its file in test/interop, or by a part of that name; without one, all run, which takes a while.
 */
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startVitest } from 'vitest/node';
import { InteropReporter } from '../test/support/interop-reporter.ts';
import { SummaryReporter } from '../test/support/summary-reporter.ts';

const repository = resolve(import.meta.dirname, '..');
const onCi = (process.env.CI ?? '') !== '' && process.env.CI !== 'false';
const ending = '.test.ts';

const clients = readdirSync(join(repository, 'test/interop'))
  .filter((name) => name.endsWith(ending))
  .map((name) => name.slice(0, -ending.length));
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !clients.some((client) => client.includes(name)));
if (unknown.length > 0) {
  console.error(`no such client: ${unknown.join(', ')} (there are ${clients.join(', ')})`);
  process.exit(2);
}

const files = clients
  .filter((client) => wanted.length === 0 || wanted.some((name) => client.includes(name)))
  .map((client) => `test/interop/${client}${ending}`);
const summary = new SummaryReporter(repository);
const table = new InteropReporter();
const options = { root: repository, project: ['interop'], watch: false };
const vitest = await startVitest('test', files, { ...options, reporters: ['default', summary, table] });
await vitest.close();

console.log('');
for (const line of table.lines()) console.log(line);
console.log('');
for (const { what, count, reason } of summary.skips()) {
  console.log(`skipped: ${what} (${count} ${count === 1 ? 'test' : 'tests'}) — ${reason}`);
}
const { passed, failed, skipped, errors } = summary.totals;
if (errors > 0) console.log(`failed: ${errors} errors outside of tests, see above`);
if (onCi && skipped > 0) console.log('failed: nothing may be skipped on CI');
console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 && errors === 0 && passed > 0 && !(onCi && skipped > 0) ? 0 : 1);
