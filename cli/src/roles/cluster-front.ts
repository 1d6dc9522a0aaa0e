/**
 * The gateways and cache nodes of a cluster as the active registry's dashboard sees them: asked over their
 * admin ports when somebody looks, and for the charts every few seconds. One that does not answer in time is
 * left out.
 */
import { createHash } from 'node:crypto';
import { clusterTokenOf } from '@forebay/core/cluster-secret';
import { type Metrics, type MetricsReading, type MetricValues, mergedReading } from '@forebay/core/metrics';
import type { ProcessReport, ReportQuestion } from '../workers/reports.ts';
import type { Front } from './front.ts';
import { type RoleQuestion, type RoleReport, reportOfPlain, reportPath } from './report-routes.ts';

const answerWithinMs = 2_000;
/** Several who look at once share an answer. */
const sharedMs = 1_000;

export interface FrontNode {
  readonly id: string;
  readonly adminAddress?: string;
}

export interface ClusterFrontOptions {
  /** Those that are there now; none while this registry is not the active one. */
  readonly nodes: () => readonly FrontNode[];
  readonly clusterSecret: string;
  readonly metrics: Metrics;
  /** Monotonic. */
  readonly nowMs: () => number;
}

export class ClusterFront implements Pick<Front, 'read' | 'report'> {
  readonly #options: ClusterFrontOptions;
  #reading: { readonly promise: Promise<MetricsReading>; readonly untilMs: number } | undefined;
  #sources = 0;

  constructor(options: ClusterFrontOptions) {
    this.#options = options;
  }

  /** Another number where the last reading was of other nodes than the one before. */
  get sources(): number {
    return this.#sources;
  }

  read(): Promise<MetricsReading> {
    const nowMs = this.#options.nowMs();
    if (!this.#reading || nowMs >= this.#reading.untilMs) {
      this.#reading = { promise: this.#read(), untilMs: nowMs + sharedMs };
    }
    return this.#reading.promise;
  }

  async report(question: ReportQuestion): Promise<readonly ProcessReport[]> {
    if (question.kind === 'logs') return [];
    const answers = await this.#askAll(question);
    return answers.flatMap(({ answer }) => (answer.reports ?? []).map(reportOfPlain));
  }

  async #read(): Promise<MetricsReading> {
    const answers = await this.#askAll({ kind: 'metrics' });
    const names = answers.map(({ id }) => id).sort();
    this.#sources = createHash('sha256').update(names.join()).digest().readUInt32BE(0);
    const own = await this.#options.metrics.values();
    return mergedReading([own, ...answers.map(({ id, answer }) => namedAfter(id, answer.values ?? []))]);
  }

  async #askAll(question: RoleQuestion): Promise<{ id: string; answer: RoleReport }[]> {
    const { nodes, clusterSecret } = this.#options;
    const authorization = `Bearer ${clusterTokenOf(clusterSecret)}`;
    const asked = nodes().map(async ({ id, adminAddress }) => {
      const answer =
        adminAddress && (await ask(adminAddress, question, authorization).catch(() => undefined));
      return answer ? [{ id, answer }] : [];
    });
    return (await Promise.all(asked)).flat();
  }
}

async function ask(address: string, question: RoleQuestion, authorization: string): Promise<RoleReport> {
  const response = await fetch(`http://${address}${reportPath}`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(question),
    redirect: 'error',
    signal: AbortSignal.timeout(answerWithinMs),
  });
  if (!response.ok) throw new Error(`${address} answered ${response.status}`);
  return (await response.json()) as RoleReport;
}

type Valued = MetricValues[number] & {
  readonly values: readonly { readonly labels: Readonly<Record<string, string | number>> }[];
};

/** Page directories of several nodes may have one path, and stay apart. */
function namedAfter(id: string, values: MetricValues): MetricValues {
  return (values as readonly Valued[]).map((metric) => ({
    ...metric,
    values: metric.values.map((sample) => {
      const { directory } = sample.labels;
      if (directory === undefined) return sample;
      return { ...sample, labels: { ...sample.labels, directory: `${id} ${directory}` } };
    }),
  }));
}
