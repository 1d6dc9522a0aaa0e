/** `forebay stat s3://bucket/key`: what is cached of one object. */
import { formatDuration, formatSize } from '@forebay/core/bytes';
import type { ObjectView } from '@forebay/registry/admin/status';
import type { Command } from 'commander';
import { usageError } from '../command-error.ts';
import { table } from '../terminal.ts';
import { adminCommand } from './admin-command.ts';

export function statCommand(): Command {
  return adminCommand({
    usage: 'stat <object>',
    summary: 'show what is cached of s3://bucket/key, without asking the UFS',
    examples: ['forebay stat s3://lake/raw/2024.parquet', 'forebay stat --json s3://lake/raw/2024.parquet'],
    run: async ({ client, arguments: [name = ''], print }) => {
      const query = new URLSearchParams(parseObjectName(name));
      const object = await client.ask<ObjectView>('GET', `/api/v1/objects?${query}`);
      print(object, () => objectLines(object));
    },
  });
}

/** The namespace as clients see it; the key is taken as it stands. */
export function parseObjectName(name: string): { bucket: string; key: string } {
  const match = /^s3:\/\/([^/]+)\/(.+)$/s.exec(name);
  if (!match) throw usageError(`an object is written s3://bucket/key, not "${name}"`);
  return { bucket: match[1]!, key: match[2]! };
}

function objectLines(object: ObjectView): string[] {
  const { pages } = object;
  const states = {
    cached: object.fresh ? 'info cached and fresh' : 'info cached, confirmed with the UFS at the next read',
    absent: 'known to be absent',
    unknown: 'nothing cached',
  };
  const rows: (readonly [string, string | undefined])[] = [
    ['Object', `s3://${object.bucket}/${object.key}`],
    ['State', states[object.state]],
    [
      'Size',
      object.sizeBytes === undefined
        ? undefined
        : `${formatSize(object.sizeBytes)} (${object.sizeBytes} bytes)`,
    ],
    ['ETag', object.etag],
    ['Version', object.versionId],
    ['Last modified', object.lastModified],
    ['Content type', object.contentType],
    ['Pages', `${pages.cached} of ${pages.total} cached, ${formatSize(pages.cachedBytes)}`],
    ['Page size', formatSize(object.pageSizeBytes)],
    [
      'Info',
      object.infoLevel === 'none' ? undefined : `in ${object.infoLevel} store${ageText(object.ageMs)}`,
    ],
    ['Mount', object.mount],
    ['Home', object.home],
    ['Writes', writesText(object)],
  ];
  return table(rows.filter((row): row is readonly [string, string] => row[1] !== undefined));
}

function ageText(ageMs: number | undefined): string {
  return ageMs === undefined ? '' : `, confirmed ${formatDuration(ageMs)} ago`;
}

function writesText({ fencesOpen, unsettled }: ObjectView): string | undefined {
  if (unsettled) return 'the outcome of a write is unknown; every read asks the UFS';
  return fencesOpen > 0 ? `${fencesOpen} under way` : undefined;
}
