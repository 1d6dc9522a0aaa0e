/** `forebay free`: drops cached pages by keys, now, or as a job. */
import { formatSize } from '@forebay/core/bytes';
import { silentText } from '@forebay/core/freeing';
import { type KeyPattern, parseKeyPattern } from '@forebay/core/key-pattern';
import type { FreedView } from '@forebay/registry/admin/caching';
import type { JobView } from '@forebay/registry/jobs/job-view';
import type { Command } from 'commander';
import { CommandError, usageError } from '../command-error.ts';
import { adminCommand } from './admin-command.ts';

interface FreeOptions {
  readonly all?: true;
  readonly pinned?: true;
  readonly dryRun?: true;
  readonly job?: true;
  readonly schedule?: string;
}

export function freeCommand(): Command {
  return adminCommand({
    usage: 'free <keys>',
    summary: 'drop cached pages of s3://bucket/prefix; the UFS keeps everything',
    examples: [
      'forebay free s3://lake/raw/                      every key below raw/',
      'forebay free s3://lake/raw/2024.parquet          one object (and what is below it)',
      "forebay free 's3://lake/raw/2024*'               every key that begins so",
      'forebay free s3://lake/raw/ --dry-run            count, and drop nothing',
      'forebay free s3://lake --all                     a whole bucket',
      "forebay free s3://lake/tmp/ --schedule '0 4 * * 1' every Monday at 04:00 UTC",
    ],
    run: async ({ client, arguments: [name = ''], options, print }) => {
      const { all, pinned = false, dryRun = false, job, schedule } = options as FreeOptions;
      const keys = parseKeyPattern(name);
      if (isWholeBucket(keys) && !all) {
        throw usageError(`${keys.text} is the whole bucket; add --all where that is meant`);
      }
      const body = { keys: keys.text, pinned, dryRun };
      if (job || schedule !== undefined) {
        const spec = { kind: 'free', ...body, ...(schedule !== undefined && { schedule }) };
        const made = await client.ask<JobView>('POST', '/api/v1/jobs', spec);
        return print(made, () => [made.id]);
      }
      const freed = await client.follow<FreedView>('/api/v1/free', body, (sofar) => showProgress(sofar));
      clearProgress();
      const { done, ...result } = freed;
      print(result, () => [freedText(freed)]);
      if (freed.silent) throw new CommandError(silentText(freed.silent));
    },
  })
    .option('--pinned', 'pinned pages too')
    .option('--dry-run', 'count what would go, and drop nothing')
    .option('--job', 'as a job, whose id is printed: it waits for nodes that are gone')
    .option('--schedule <cron>', 'as a job, run then: five fields, in UTC')
    .option('--all', 'where the keys are a whole bucket');
}

function isWholeBucket({ key, prefix }: KeyPattern): boolean {
  return key === undefined && prefix === '';
}

function freedText({ pages, bytes, pinnedPages, pinnedBytes, dryRun }: FreedView): string {
  const left =
    pinnedPages === 0 ? '' : `; ${counted(pinnedPages)} pinned (${formatSize(pinnedBytes)}), which stay`;
  const what = `${counted(pages)}, ${formatSize(bytes)}`;
  return dryRun ? `would free ${what}${left}` : `freed ${what}${left}`;
}

function counted(pages: number): string {
  return pages === 1 ? '1 page' : `${pages} pages`;
}

/** On a terminal alone: the result is what others want to see. */
function showProgress({ pages, bytes }: FreedView): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${counted(pages)}, ${formatSize(bytes)} so far`);
}

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
}
