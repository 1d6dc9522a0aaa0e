/** What needs somebody, from the metrics and their course: conditions that hold now, each with what to do. */
import type { MetricsReading } from '@forebay/core/metrics';
import type { SeriesView } from '../series/series.ts';

export interface Alert {
  /** The condition: the same each time it holds. */
  readonly name: string;
  /** Whose: a mount, a directory; empty where it is about all. */
  readonly subject: string;
  readonly severity: 'critical' | 'warning';
  /** A sentence for people. */
  readonly title: string;
  readonly advice: string;
}

/** The course that is looked at: the last five minutes of the fine series. */
const pointsMax = 60;
const failedShareMax = 0.01;
const lowHitRatio = 0.5;
const loopDelayMaxSeconds = 0.5;
const inFlightRefusedMin = 1;

type Samples = Awaited<ReturnType<MetricsReading['samples']>>;

/** Members of a cluster that need somebody: ids. */
export interface WatchedMembers {
  /** Cache nodes whose lease has run out. */
  readonly silent: readonly string[];
  /** Who does not answer on its admin port. */
  readonly unanswered: readonly string[];
}

export async function readAlerts(
  metrics: MetricsReading,
  series: SeriesView,
  members: WatchedMembers = { silent: [], unanswered: [] },
): Promise<readonly Alert[]> {
  const [circuits, directories, corruptions, refused, restarts, delays] = await Promise.all(
    [
      'forebay_ufs_circuit_state',
      'forebay_directory_state',
      'forebay_page_corruptions_total',
      'forebay_requests_refused_total',
      'forebay_worker_restarts_total',
      'forebay_event_loop_delay_seconds',
    ].map((name) => metrics.samples(name)),
  );
  const alerts = [
    ...circuitAlerts(circuits!),
    ...directoryAlerts(directories!),
    ...courseAlerts(series),
    ...counterAlerts({ corruptions: corruptions!, refused: refused!, restarts: restarts! }),
    ...delayAlerts(delays!),
    ...memberAlerts(members),
  ];
  return alerts.sort((a, b) => (a.severity < b.severity ? -1 : a.severity > b.severity ? 1 : 0));
}

function memberAlerts({ silent, unanswered }: WatchedMembers): Alert[] {
  return [
    ...silent.map(
      (id): Alert => ({
        ...{ name: 'node-silent', subject: id, severity: 'critical' },
        title: `The cache node ${id} is silent: its lease has run out.`,
        advice: 'Others take its place, and read again from the UFS what it had. Look at it and its network.',
      }),
    ),
    ...unanswered
      .filter((id) => !silent.includes(id))
      .map(
        (id): Alert => ({
          ...{ name: 'member-unanswered', subject: id, severity: 'warning' },
          title: `${id} does not answer on its admin port.`,
          advice:
            'What it counts is in no figure here. Look at it, and whether the registry reaches that port.',
        }),
      ),
  ];
}

function circuitAlerts(circuits: Samples): Alert[] {
  return circuits
    .filter(({ value }) => value > 0)
    .map(({ labels: { mount = '' } }) => ({
      name: 'ufs-silent',
      subject: mount,
      severity: 'critical',
      title: `The UFS of ${mount} does not answer.`,
      advice: 'What is cached and fresh is served; all else gets 503. Look at the store and the way to it.',
    }));
}

function directoryAlerts(directories: Samples): Alert[] {
  return directories
    .filter(({ value }) => value < 1)
    .map(({ labels, value }) => {
      const path = Object.values(labels)[0] ?? '';
      return {
        name: 'directory-out',
        subject: path,
        severity: 'critical',
        title: `The page directory ${path} ${value > 0 ? 'can only be read' : 'has failed'}.`,
        advice: 'Reads go on from the UFS. Look at the disk; it is used again by itself when it works.',
      };
    });
}

function courseAlerts(series: SeriesView): Alert[] {
  const mean = (values: readonly (number | null)[]) => {
    const known = values.slice(-pointsMax).filter((value) => value !== null);
    return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0) / known.length;
  };
  const [requests = 0, failed = 0] = [mean(series.requestsPerSecond), mean(series.failedPerSecond)];
  const evictions = mean(series.evictionsPerSecond) ?? 0;
  const hitRatio = mean(series.byteHitRatio);
  const alerts: Alert[] = [];
  if (failed > failedShareMax * requests) {
    alerts.push({
      ...{ name: 'requests-fail', subject: '', severity: 'critical' },
      title: `${((100 * failed) / requests).toFixed(1)} % of requests fail on our side.`,
      advice: 'The log and the slow requests say which, and why.',
    });
  }
  if (hitRatio !== undefined && hitRatio < lowHitRatio && evictions > 0) {
    alerts.push({
      ...{ name: 'cache-small', subject: '', severity: 'warning' },
      title: `Only ${Math.round(hitRatio * 100)} % of bytes come from the cache, and pages are evicted.`,
      advice: 'The page "Cache size" tells what more cache would bring.',
    });
  }
  return alerts;
}

function counterAlerts(of: { corruptions: Samples; refused: Samples; restarts: Samples }): Alert[] {
  const sum = (samples: Samples) => samples.reduce((total, { value }) => total + value, 0);
  const refused = sum(of.refused.filter(({ labels }) => labels.reason === 'in_flight'));
  const [corruptions, restarts] = [sum(of.corruptions), sum(of.restarts)];
  const alerts: Alert[] = [];
  if (corruptions > 0) {
    alerts.push({
      ...{ name: 'pages-rot', subject: '', severity: 'warning' },
      title: `${corruptions} stored pages failed their checksum since the start.`,
      advice: 'None was served: they were dropped and fetched again. Check the disk.',
    });
  }
  if (restarts > 0) {
    alerts.push({
      ...{ name: 'workers-end', subject: '', severity: 'warning' },
      title: `Workers ended by themselves ${restarts} times since the start.`,
      advice: 'Their connections were lost, and nothing else. The log says how they ended.',
    });
  }
  if (refused >= inFlightRefusedMin) {
    alerts.push({
      ...{ name: 'too-many-requests', subject: '', severity: 'warning' },
      title: `${refused} requests were refused since the start, as too many were under way.`,
      advice: 'Add gateways, or raise requestsInFlightMax where there is memory.',
    });
  }
  return alerts;
}

function delayAlerts(delays: Samples): Alert[] {
  const worst = Math.max(
    0,
    ...delays.filter(({ labels }) => labels.stat === 'p99').map(({ value }) => value),
  );
  if (worst < loopDelayMaxSeconds) return [];
  return [
    {
      ...{ name: 'event-loop-late', subject: '', severity: 'warning' },
      title: `Requests wait ${worst.toFixed(1)} s for a process that is busy.`,
      advice: 'Add workers or gateways; see what else the machine does.',
    },
  ];
}
