/** `forebay status`. */
import { formatDuration, formatSize } from '@forebay/core/bytes';
import type { CurveView } from '@forebay/core/curve';
import type { DirectoryView, Status } from '@forebay/registry/admin/status';
import type { Command } from 'commander';
import { curveLines } from '../curve-text.ts';
import { table } from '../terminal.ts';
import { adminCommand } from './admin-command.ts';

export function statusCommand(): Command {
  const command = adminCommand({
    usage: 'status',
    summary: 'show what a running Forebay serves and what its cache holds',
    examples: ['forebay status', 'forebay status --curve', 'forebay status --admin http://10.0.0.5:9001'],
    run: async ({ client, options, print }) => {
      if (options.curve) {
        const curve = await client.ask<CurveView>('GET', '/api/v1/curve');
        print(curve, () => curveLines(curve));
        return;
      }
      const status = await client.ask<Status>('GET', '/api/v1/status');
      print(status, () => statusLines(status));
    },
  });
  return command.option('--curve', 'show what caches of other sizes would have answered');
}

function directoryRow({ node, path, state, reason }: DirectoryView): readonly [string, string] {
  const where = node === undefined ? path : `${path} of ${node}`;
  return ['Disk out', `${where}: ${state}${reason === undefined ? '' : `, ${reason}`}`];
}

function membersText({ gateways, active, ...others }: NonNullable<Status['members']>): string {
  const more = Object.entries(others).flatMap(([state, count]) => (count > 0 ? `${count} ${state}` : []));
  const nodes = [`${active} active`, ...more].join(', ');
  return `cache nodes: ${nodes}; gateways: ${gateways}`;
}

function statusLines({ bytesServed, ufs, cache, requests, ...status }: Status): string[] {
  const fromCacheBytes = bytesServed.memory + bytesServed.disk + bytesServed.peer;
  const reads = Object.entries(status.reads).map(([result, count]) => `${result} ${count}`);
  const ratio =
    status.hitRatio === undefined ? 'nothing read yet' : `${(status.hitRatio * 100).toFixed(1)} % of bytes`;
  return table([
    ['Forebay', `${status.version}, ${status.nodeId}, up ${formatDuration(status.uptimeMs)}`],
    ...(status.members ? [['Cluster', membersText(status.members)] as const] : []),
    ['S3 endpoint', status.endpoint || 'none: there is no gateway yet'],
    ['Requests', `${requests.total}, ${requests.failed} failed`],
    ['Reads', reads.join(', ') || 'none yet'],
    ['From cache', ratio],
    ['Served', `${formatSize(fromCacheBytes)} from cache, ${formatSize(bytesServed.ufs)} from the UFS`],
    ['UFS', `${ufs.requests} requests, ${ufs.failed} failed, ${formatSize(ufs.bytes)} read`],
    ...(ufs.unanswering.length > 0 ? [['UFS silent', ufs.unanswering.join(', ')] as const] : []),
    ['Disk', `${formatSize(cache.diskBytes)} of ${formatSize(cache.diskBytesMax)}, ${cache.pages} pages`],
    ...cache.directories.filter(({ state }) => state !== 'ok').map(directoryRow),
    ['Memory', `${formatSize(cache.memoryBytes)} of ${formatSize(cache.memoryBytesMax)}`],
    ['Infos', `${cache.infoMemoryEntries} in memory, ${cache.infoPersistentEntries} on disk`],
  ]);
}
