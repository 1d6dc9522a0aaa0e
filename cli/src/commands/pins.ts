/** `forebay pin`, `unpin` and `pins`: pages that are never evicted. */
import { parseKeyPattern } from '@forebay/core/key-pattern';
import type { PinView } from '@forebay/registry/admin/caching';
import type { JobView } from '@forebay/registry/jobs/job-view';
import type { Command } from 'commander';
import { waitForJob } from '../job-waiting.ts';
import { table } from '../terminal.ts';
import { type AdminContext, adminCommand } from './admin-command.ts';

export function pinCommand(): Command {
  return adminCommand({
    usage: 'pin <keys>',
    summary: 'never evict pages of s3://bucket/prefix, now and after restarts',
    examples: [
      'forebay pin s3://lake/models/                    every key below models/, cached now or later',
      'forebay pin s3://lake/models/large.bin           one object (and what is below it)',
      'forebay pin s3://lake/models/ --load --wait      and fill the cache with them now',
    ],
    run: async ({ client, arguments: [name = ''], options, print }) => {
      const keys = parseKeyPattern(name).text;
      const { load, wait } = options as { load?: true; wait?: true };
      if (load) return pinAndLoad({ client, print }, keys, wait === true);
      const pin = await client.ask<PinView>('POST', '/api/v1/pins', { keys });
      print(pin, () => [`pinned ${pin.keys}`]);
    },
  })
    .option('--load', 'load them as well, as a job')
    .option('--wait', 'with --load: wait for its end');
}

async function pinAndLoad(
  { client, print }: Pick<AdminContext, 'client' | 'print'>,
  keys: string,
  wait: boolean,
): Promise<void> {
  const job = await client.ask<JobView>('POST', '/api/v1/jobs', { kind: 'pin', keys });
  if (wait) await waitForJob(job, { client, print, cancelOnInterrupt: false });
  else print(job, () => [job.id]);
}

export function unpinCommand(): Command {
  return adminCommand({
    usage: 'unpin <keys>',
    summary: 'let pages of s3://bucket/prefix be evicted again',
    examples: ['forebay unpin s3://lake/models/'],
    run: async ({ client, arguments: [name = ''], print }) => {
      const query = new URLSearchParams({ keys: parseKeyPattern(name).text });
      const gone = await client.ask<{ keys: string }>('DELETE', `/api/v1/pins?${query}`);
      print(gone, () => [`unpinned ${gone.keys}`]);
    },
  });
}

export function pinsCommand(): Command {
  return adminCommand({
    usage: 'pins',
    summary: 'list what is pinned',
    examples: ['forebay pins', 'forebay pins --json'],
    run: async ({ client, print }) => {
      const pins = await client.ask<PinView[]>('GET', '/api/v1/pins');
      print(pins, () => (pins.length === 0 ? ['nothing is pinned'] : pinTable(pins)));
    },
  });
}

function pinTable(pins: readonly PinView[]): string[] {
  const rows = pins.map(({ keys, pinnedAt, origin }) => [
    keys,
    pinnedAt?.slice(0, 10) ?? '',
    origin === 'start' ? 'rule' : 'forebay pin',
  ]);
  return table([['KEYS', 'SINCE', 'FROM'], ...rows]);
}
