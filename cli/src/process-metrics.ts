/** What every process tells of itself: version, memory, CPU, open files, its event loop. */
import { readdirSync, readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { Metrics } from '@forebay/core/metrics';
import { declareEventLoopDelay, type LoopDelay, LoopDelayWindow } from './event-loop-delay.ts';
import type { Undoing } from './roles/undoing.ts';
import { version } from './version.ts';

export type MetricsRole = 'serve' | 'registry' | 'gateway' | 'cache-node';

const microsPerSecond = 1e6;

/** Where a process declares its metrics: those of the process are among them. */
export function metricsOfProcess(undoing: Undoing, role: MetricsRole): Metrics {
  const metrics = new Metrics();
  const delays = new LoopDelayWindow();
  undoing.add(() => delays.stop());
  declareProcessMetrics(metrics, { role, delays: () => delays.read() });
  return metrics;
}

export function declareProcessMetrics(
  metrics: Metrics,
  of: { readonly role: MetricsRole; readonly delays: () => LoopDelay },
): void {
  declareIdentity(metrics, of.role);
  declareMemory(metrics);
  declareFiles(metrics);
  declareEventLoopDelay(metrics, of.delays);
}

function declareIdentity(metrics: Metrics, role: MetricsRole): void {
  metrics.gauge<'role' | 'version'>(
    {
      name: 'forebay_build_info',
      help: '1, with the role and the version of the process. Nodes and gateways of a cluster should be of one version.',
      labels: ['role', 'version'],
      merge: 'max',
    },
    (gauge) => gauge.set({ role, version }, 1),
  );
  const startedSeconds = Date.now() / 1000 - process.uptime();
  metrics.gauge(
    {
      name: 'forebay_process_start_time_seconds',
      help:
        'When the process started, in seconds since 1970; of several the newest. Changes by itself: it crashed, ' +
        'or was killed for its memory; see its log and that of the system.',
      merge: 'max',
    },
    (gauge) => gauge.set(startedSeconds),
  );
  metrics.counter(
    {
      name: 'forebay_process_cpu_seconds_total',
      help: 'CPU time of the process and its workers, in seconds. Near the number of cores: add gateways or nodes.',
    },
    (counter) => {
      const { user, system } = process.cpuUsage();
      counter.reset();
      counter.inc((user + system) / microsPerSecond);
    },
  );
}

function declareMemory(metrics: Metrics): void {
  metrics.gauge<'kind'>(
    {
      name: 'forebay_process_memory_bytes',
      help:
        'Memory of the process and its workers, by kind: resident (all that is in RAM), heap (objects), or ' +
        'external (buffers, the memory tier among them). Resident near its limit: make the memory tier smaller.',
      labels: ['kind'],
    },
    (gauge) => {
      const { rss, heapUsed, external } = process.memoryUsage();
      gauge.set({ kind: 'resident' }, rss);
      gauge.set({ kind: 'heap' }, heapUsed);
      gauge.set({ kind: 'external' }, external);
    },
  );
  metrics.gauge(
    {
      name: 'forebay_process_memory_bytes_max',
      help:
        'What the process may take: the limit of its container or service (cgroup), else the memory of the ' +
        'machine. Beyond it the system kills it.',
      merge: 'max',
    },
    (gauge) => gauge.set(memoryBytesMax()),
  );
}

/** Without a limit, `constrainedMemory` is 0 or more than there is. */
function memoryBytesMax(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

function declareFiles(metrics: Metrics): void {
  metrics.gauge(
    {
      name: 'forebay_process_open_files',
      help:
        'Files and sockets that the process has open; of several processes the most. Near its limit connections ' +
        'are refused: raise the limit (ulimit -n, LimitNOFILE). Only on Linux.',
      merge: 'max',
    },
    (gauge) => setKnown(gauge, openFiles()),
  );
  metrics.gauge(
    {
      name: 'forebay_process_open_files_max',
      help: 'The limit of forebay_process_open_files. Only on Linux.',
      merge: 'max',
    },
    (gauge) => setKnown(gauge, openFilesMax()),
  );
}

function setKnown(gauge: { set(value: number): void; reset(): void }, value: number | undefined): void {
  if (value === undefined) gauge.reset();
  else gauge.set(value);
}

function openFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
}

function openFilesMax(): number | undefined {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
