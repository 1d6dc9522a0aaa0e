/**
 * Waiting for a job: a bar with rate and time left on a terminal, plain lines in a pipe, both on stderr; at
 * its end the result on stdout. The job does not need the command line: Ctrl-C leaves it, or ends it where
 * that was asked for.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { formatDuration, formatSize } from '@forebay/core/bytes';
import type { JobView } from '@forebay/registry/jobs/job-view';
import type { AdminClient } from './admin-client.ts';
import { CommandError } from './command-error.ts';
import type { Print } from './commands/admin-command.ts';
import { table } from './terminal.ts';

const pollMs = 300;
const plainLineMs = 5_000;
/** So long without an answer the job is waited for. */
const awayMaxMs = 120_000;
const awayPollMs = 1_000;
const failuresPerPage = 1000;
/** Of those that failed, lines for people. */
const failuresShown = 20;
const ended = ['done', 'failed', 'cancelled', 'paused'];

export interface Failure {
  readonly key: string;
  readonly reason: string;
}

export interface WaitOptions {
  readonly client: AdminClient;
  readonly print: Print;
  readonly cancelOnInterrupt: boolean;
}

/** @throws CommandError where the job failed, was stopped, or an object failed, once the result is printed */
export async function waitForJob(made: JobView, { client, print, cancelOnInterrupt }: WaitOptions) {
  const path = `/api/v1/jobs/${made.id}`;
  const progress = new Progress();
  const onInterrupt = () => {
    progress.clear();
    if (cancelOnInterrupt) void client.ask('POST', `${path}/cancel`).finally(() => process.exit(130));
    else {
      process.stderr.write(`forebay: the job goes on; forebay job ${made.id} --wait comes back to it\n`);
      process.exit(130);
    }
  };
  const others = process.listeners('SIGINT');
  // Ours first: without any listener for a moment, a signal of that moment would be lost.
  process.on('SIGINT', onInterrupt);
  for (const other of others) process.off('SIGINT', other);
  let job = made;
  try {
    while (!ended.includes(job.state)) {
      progress.show(job);
      await wait(pollMs);
      job = await nextView(client, path, progress);
    }
  } finally {
    progress.clear();
    process.off('SIGINT', onInterrupt);
  }
  const failures = await failuresOf(client, job);
  print({ ...job, failures }, () => jobLines(job, failures));
  if (job.state === 'done' && job.objects.total === 0 && job.kind !== 'free') progress.tell(nothingOf(job));
  refuseFailed(job);
}

/** A registry that is away for a while has the job still when it is back, or another one has. */
async function nextView(client: AdminClient, path: string, progress: Progress): Promise<JobView> {
  const deadlineMs = performance.now() + awayMaxMs;
  for (let tries = 0; ; tries += 1) {
    try {
      return await client.ask<JobView>('GET', path);
    } catch (error) {
      const isPassing = error instanceof CommandError && error.isPassing;
      if (!isPassing || performance.now() > deadlineMs) throw error;
      if (tries === 0) progress.tell(`${error.message}; waiting for it, the job is kept`);
      await wait(awayPollMs);
    }
  }
}

function nothingOf({ keys }: JobView): string {
  if (keys === undefined) return 'the manifest names no object';
  if (keys.endsWith('/') || keys.endsWith('*') || /^s3:\/\/[^/]+$/.test(keys))
    return `no object lies at ${keys}`;
  return `no object is ${keys}, or below ${keys}/; ${keys}* is all that begins so`;
}

function refuseFailed({ id, state, reason, objects }: JobView): void {
  if (state === 'failed') throw new CommandError(`the job ${id} failed: ${reason}`);
  if (state !== 'done') throw new CommandError(`the job ${id} is ${state}`);
  if (objects.failed === 0) return;
  throw new CommandError(
    `${objects.failed} of ${objects.total} objects failed; forebay job ${id} lists them`,
  );
}

export async function failuresOf(client: AdminClient, { id, objects }: JobView): Promise<Failure[]> {
  const failures: Failure[] = [];
  while (failures.length < objects.failed) {
    const query = `offset=${failures.length}&limit=${failuresPerPage}`;
    const page = await client.ask<{ failures: Failure[] }>('GET', `/api/v1/jobs/${id}/failures?${query}`);
    if (page.failures.length === 0) break;
    failures.push(...page.failures);
  }
  return failures;
}

const words = {
  load: 'loaded',
  pin: 'loaded',
  verify: 'verified',
  copy: 'copied',
  move: 'moved',
  free: 'freed',
};

export function jobLines(job: JobView, failures: readonly Failure[]): string[] {
  const { id, kind, state, objects, bytes, ufsRequests, expected, cost, reason } = job;
  const of = expected && expected.objects !== objects.total ? ` of ${expected.objects}` : '';
  const requests = `${ufsRequests.read} reads, ${ufsRequests.list} lists, ${formatSize(bytes.ufs)}`;
  const rows: (readonly [string, string])[] = [
    ['Job', `${id}, ${kind}, ${state}${job.dryRun ? ' (dry run: nothing was done)' : ''}`],
    ...(reason === undefined ? [] : [['Reason', reason] as const]),
    ...(job.nextRunAt === undefined ? [] : [['Next run', job.nextRunAt] as const]),
    ...(kind === 'free'
      ? [['Pages', `${job.pages ?? 0} freed, ${formatSize(bytes.loaded)}`] as const]
      : [
          ['Objects', `${objects.total}${of}: ${countsText(job)}`] as const,
          [
            'Bytes',
            `${formatSize(bytes.loaded)} ${wordOf(job)}, ${formatSize(bytes.skipped)} skipped`,
          ] as const,
          [job.dryRun ? 'Would ask' : 'UFS', `${requests}; ${costText(cost)}`] as const,
        ]),
  ];
  const shown = failures.slice(0, failuresShown).map(({ key, reason: why }) => `  ${key}: ${why}`);
  const more = failures.length - shown.length;
  return [...table(rows), ...shown, ...(more > 0 ? [`  and ${more} more: --json shows all`] : [])];
}

function countsText(job: JobView): string {
  const { loaded, skipped, failed } = job.objects;
  return `${loaded} ${wordOf(job)}, ${skipped} skipped, ${failed} failed`;
}

function wordOf({ kind, dryRun }: JobView): string {
  return dryRun ? `to be ${words[kind]}` : words[kind];
}

function costText(cost: number): string {
  return cost > 0 && cost < 0.01 ? 'under 0.01 USD' : `${cost.toFixed(2)} USD`;
}

class Progress {
  readonly #isTerminal = process.stderr.isTTY === true;
  #toldAtMs = performance.now();

  show(job: JobView): void {
    if (this.#isTerminal) process.stderr.write(`\r\u001b[K${barOf(job, process.stderr.columns ?? 80)}`);
    else if (performance.now() - this.#toldAtMs >= plainLineMs) {
      this.#toldAtMs = performance.now();
      process.stderr.write(`${progressText(job)}\n`);
    }
  }

  tell(line: string): void {
    this.clear();
    process.stderr.write(`forebay: ${line}\n`);
  }

  clear(): void {
    if (this.#isTerminal) process.stderr.write('\r\u001b[K');
  }
}

const barWidth = 24;

export function barOf(job: JobView, columns: number): string {
  const share = shareOf(job);
  const filled = Math.round((share ?? 0) * barWidth);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`;
  const percent = share === undefined ? '' : ` ${Math.floor(share * 100)} %`;
  return `${bar}${percent}  ${progressText(job)}`.slice(0, Math.max(10, columns - 1));
}

export function progressText(job: JobView): string {
  const { state, objects, bytes, expected, rate, timeLeftMs } = job;
  const done = expected ? `${objects.total} of ${expected.objects} objects` : `${objects.total} objects`;
  return [
    ...(state === 'running' ? [] : [state]),
    done,
    formatSize(bytes.total),
    ...(rate ? [`${formatSize(Math.round(rate.bytesPerSecond))}/s`] : []),
    ...(rate ? [`${Math.round(rate.objectsPerSecond)} objects/s`] : []),
    ...(objects.failed > 0 ? [`${objects.failed} failed`] : []),
    ...(timeLeftMs !== undefined ? [`${formatDuration(timeLeftMs)} left`] : []),
  ].join(', ');
}

/** Of bytes where there are any, else of objects. */
function shareOf({ expected, objects, bytes }: JobView): number | undefined {
  if (!expected) return undefined;
  const share =
    expected.bytes > 0 ? bytes.total / expected.bytes : objects.total / Math.max(1, expected.objects);
  return Math.min(1, share);
}
