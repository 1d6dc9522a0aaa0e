/** `forebay mounts`, `mount`, `umount`. */
import { formatDuration, formatSize } from '@forebay/core/bytes';
import type { MountView } from '@forebay/registry/admin/status';
import type { Command } from 'commander';
import { table } from '../terminal.ts';
import { adminCommand } from './admin-command.ts';

export function mountsCommand(): Command {
  return adminCommand({
    usage: 'mounts',
    summary: 'list the mounts',
    examples: ['forebay mounts', 'forebay mounts --json'],
    run: async ({ client, print }) => {
      const mounts = await client.ask<MountView[]>('GET', '/api/v1/mounts');
      print(mounts, () => (mounts.length === 0 ? ['no mounts'] : mountTable(mounts)));
    },
  });
}

export function mountCommand(): Command {
  return adminCommand({
    usage: 'mount <path> <ufs-uri>',
    summary: 'mount a UFS at /bucket or /bucket/prefix, now and after restarts',
    examples: [
      "forebay mount /lake 's3://lake/raw?endpoint=http://127.0.0.1:7070&credentials=env:LAKE'",
      "forebay mount /models 'file:///srv/models?freshness=immutable&readOnly=true'",
    ],
    run: async ({ client, arguments: [path, ufs], print }) => {
      const mount = await client.ask<MountView>('POST', '/api/v1/mounts', { path, ufs });
      print(mount, () => [`mounted ${mount.path}`]);
    },
  });
}

export function umountCommand(): Command {
  return adminCommand({
    usage: 'umount <path>',
    summary: 'take a mount away; its UFS keeps everything',
    examples: ['forebay umount /lake'],
    run: async ({ client, arguments: [path = ''], print }) => {
      const query = new URLSearchParams({ path });
      const gone = await client.ask<{ path: string; backAtRestart: boolean }>(
        'DELETE',
        `/api/v1/mounts?${query}`,
      );
      const note = gone.backAtRestart ? '; a flag or the config file mounts it again at the next start' : '';
      print(gone, () => [`unmounted ${gone.path}${note}`]);
    },
  });
}

function mountTable(mounts: readonly MountView[]): string[] {
  const rows = mounts.map((mount) => [
    mount.path,
    mount.uri,
    [
      mount.freshness === 'ttl' ? `ttl ${formatDuration(mount.ttlMs)}` : mount.freshness,
      ...(mount.listTtlMs === undefined ? [] : [`lists ${formatDuration(mount.listTtlMs)}`]),
    ].join(', '),
    formatSize(mount.pageSizeBytes),
    [
      mount.readOnly ? 'read only' : 'read, write',
      ...(mount.anonymous === 'read' ? ['public read'] : []),
    ].join(', '),
  ]);
  return table([['PATH', 'UFS', 'FRESHNESS', 'PAGE', 'ACCESS'], ...rows]);
}
