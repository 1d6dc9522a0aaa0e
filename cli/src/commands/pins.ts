/** `forebay pin`, `unpin` and `pins`: pages that are never evicted. */
import { parseKeyPattern } from '@forebay/core/key-pattern';
import type { PinView } from '@forebay/registry/admin/caching';
import type { Command } from 'commander';
import { table } from '../terminal.ts';
import { adminCommand } from './admin-command.ts';

export function pinCommand(): Command {
  return adminCommand({
    usage: 'pin <keys>',
    summary: 'never evict pages of s3://bucket/prefix, now and after restarts',
    examples: [
      'forebay pin s3://lake/models/                    every key below models/, cached now or later',
      'forebay pin s3://lake/models/large.bin           one object (and what is below it)',
    ],
    run: async ({ client, arguments: [name = ''], print }) => {
      const keys = parseKeyPattern(name).text;
      const pin = await client.ask<PinView>('POST', '/api/v1/pins', { keys });
      print(pin, () => [`pinned ${pin.keys}`]);
    },
  });
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
