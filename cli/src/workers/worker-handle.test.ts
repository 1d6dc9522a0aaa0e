import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const handleFile = join(import.meta.dirname, 'worker-handle.ts');
/** Opens all files that it may, so that nothing is left for a worker's channel. */
const script = `
import { openSync } from 'node:fs';
import { WorkerHandle } from ${JSON.stringify(handleFile)};
try { for (;;) openSync('/dev/null', 'r'); } catch {}
const worker = new WorkerHandle({ role: 'serve', codeCache: 'code' });
worker.ended.then((how) => console.log(how));
`;

describe('a worker', () => {
  it('that the system does not let begin has ended, and its owner goes on', async () => {
    const node = [process.execPath, '--input-type=module-typescript', '-e', script];
    const limited = ['-c', 'ulimit -n 80 && exec "$@"', 'sh', ...node];
    const { stdout } = await promisify(execFile)('sh', limited);
    expect(stdout).toContain('EMFILE');
  });
});
