/** `forebay jobs` and `forebay job`: what is under way, and its steering. */
import { formatSize } from '@forebay/core/bytes';
import type { JobView } from '@forebay/registry/jobs/job-view';
import type { Command } from 'commander';
import { usageError } from '../command-error.ts';
import { failuresOf, jobLines, waitForJob } from '../job-waiting.ts';
import { table } from '../terminal.ts';
import { adminCommand } from './admin-command.ts';

export function jobsCommand(): Command {
  return adminCommand({
    usage: 'jobs',
    summary: 'list jobs, the newest first',
    examples: ['forebay jobs', 'forebay jobs --json'],
    run: async ({ client, print }) => {
      const jobs = await client.ask<JobView[]>('GET', '/api/v1/jobs');
      print(jobs, () => (jobs.length === 0 ? ['there are no jobs'] : table([heads, ...jobs.map(rowOf)])));
    },
  });
}

interface SteerOptions {
  readonly cancel?: true;
  readonly pause?: true;
  readonly resume?: true;
  readonly wait?: true;
  readonly cancelOnInterrupt?: true;
}

export function jobCommand(): Command {
  return adminCommand({
    usage: 'job <id>',
    summary: 'show a job and what failed in it; stop it, or let it go on',
    examples: [
      'forebay job job-3f9a01b2c4               its numbers, and the keys that failed',
      'forebay job job-3f9a01b2c4 --wait        its progress, until its end',
      'forebay job job-3f9a01b2c4 --pause       and --resume, --cancel',
    ],
    run: async ({ client, arguments: [id = ''], options, print }) => {
      const { wait, cancelOnInterrupt, ...steering } = options as SteerOptions;
      const steps = (['cancel', 'pause', 'resume'] as const).filter((name) => steering[name]);
      if (steps.length > 1) throw usageError('one of --cancel, --pause and --resume');
      const path = `/api/v1/jobs/${encodeURIComponent(id)}`;
      const [step] = steps;
      const job = step
        ? await client.ask<JobView>('POST', `${path}/${step}`)
        : await client.ask<JobView>('GET', path);
      if (wait) return waitForJob(job, { client, print, cancelOnInterrupt: cancelOnInterrupt === true });
      const failures = await failuresOf(client, job);
      print({ ...job, failures }, () => jobLines(job, failures));
    },
  })
    .option('--cancel', 'end it; what it did stays')
    .option('--pause', 'stop it at a checkpoint')
    .option('--resume', 'go on from there')
    .option('--wait', 'wait for its end')
    .option('--cancel-on-interrupt', 'with --wait: Ctrl-C ends the job; otherwise it goes on');
}

const heads = ['ID', 'KIND', 'STATE', 'KEYS', 'DONE', 'FAILED', 'BYTES', 'CREATED'];

function rowOf({ id, kind, state, objects, expected, bytes, ...job }: JobView): string[] {
  const keys = job.keys ?? job.manifest ?? '';
  const done = expected ? `${objects.total} of ${expected.objects}` : String(objects.total);
  const created = job.createdAt.slice(0, 16).replace('T', ' ');
  return [id, kind, state, keys, done, String(objects.failed), formatSize(bytes.total), created];
}
