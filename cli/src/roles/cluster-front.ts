/**
 * The gateways and cache nodes of a cluster as the active registry's dashboard sees them: asked over their
 * admin ports when somebody looks, and for the charts every few seconds. What one leaves unanswered is left
 * out, and who that was is told.
 */
import { createHash } from 'node:crypto';
import { clusterTokenOf } from '@forebay/core/cluster-secret';
import { type Metrics, type MetricsReading, type MetricValues, mergedReading } from '@forebay/core/metrics';
import type { NodeView } from '@forebay/registry/cluster/node-views';
import type { ProcessReport, ReportQuestion } from '../workers/reports.ts';
import type { Front } from './front.ts';
import { type RoleQuestion, type RoleReport, reportOfPlain, reportPath } from './report-routes.ts';

const withinMs = 2_000;
/** What asks the UFS, goes through all that is stored, or is told only once. */
const longWithinMs = 10_000;
const askedAtOnceMax = 64;
/** Several who look at once share an answer. */
const sharedMs = 1_000;

export type FrontNode = Pick<NodeView, 'id' | 'role' | 'state' | 'adminAddress'>;

export interface ClusterFrontOptions {
  readonly clusterSecret: string;
  /** Those that are there now; none while this registry is not the active one. */
  readonly nodes: () => readonly FrontNode[];
  readonly metrics: Metrics;
  /** Monotonic. */
  readonly nowMs: () => number;
}

export interface MemberAnswer {
  readonly id: string;
  readonly answer: RoleReport;
}

export class ClusterFront implements Pick<Front, 'read' | 'report'> {
  readonly #options: ClusterFrontOptions;
  readonly #authorization: string;
  /** Those whose latest question got no answer. */
  readonly #unanswered = new Set<string>();
  #reading: { readonly promise: Promise<MetricsReading>; readonly untilMs: number } | undefined;
  #sources = 0;

  constructor(options: ClusterFrontOptions) {
    this.#options = options;
    this.#authorization = `Bearer ${clusterTokenOf(options.clusterSecret)}`;
  }

  /** Another number where the last reading was of other nodes than the one before. */
  get sources(): number {
    return this.#sources;
  }

  /** Members that did not answer the last time they were asked; those without a lease are not asked. */
  unanswered(): string[] {
    const nodes = this.#options.nodes();
    return nodes.filter((node) => !isThere(node) || this.#unanswered.has(node.id)).map(({ id }) => id);
  }

  read(): Promise<MetricsReading> {
    const nowMs = this.#options.nowMs();
    if (!this.#reading || nowMs >= this.#reading.untilMs) {
      this.#reading = { promise: this.#read(), untilMs: nowMs + sharedMs };
    }
    return this.#reading.promise;
  }

  async report(question: ReportQuestion): Promise<readonly ProcessReport[]> {
    const answers = await this.askAll((id) => questionTo(id, question));
    return answers.flatMap(({ id, answer }) => (answer.reports ?? []).map((one) => reportOfPlain(id, one)));
  }

  /** All that answer, of those that `takes` takes. @throws the signal's reason */
  async askAll(
    questionOf: (id: string) => RoleQuestion,
    { takes = () => true, signal }: { takes?: (node: FrontNode) => boolean; signal?: AbortSignal } = {},
  ): Promise<MemberAnswer[]> {
    const nodes = this.#options.nodes().filter((node) => isThere(node) && takes(node));
    const answers: MemberAnswer[] = [];
    const askInTurn = async () => {
      for (let node = nodes.pop(); node; node = nodes.pop()) {
        const answer = await this.ask(node, questionOf(node.id), signal);
        if (answer) answers.push({ id: node.id, answer });
      }
    };
    await Promise.all(Array.from({ length: Math.min(askedAtOnceMax, nodes.length) }, askInTurn));
    signal?.throwIfAborted();
    return answers;
  }

  /** Undefined where it does not answer in time. Never throws */
  async ask(node: FrontNode, question: RoleQuestion, signal?: AbortSignal): Promise<RoleReport | undefined> {
    const answer = await this.#send(node, question, signal).catch(() => undefined);
    if (answer) this.#unanswered.delete(node.id);
    else if (!signal?.aborted) this.#unanswered.add(node.id);
    return answer;
  }

  async #read(): Promise<MetricsReading> {
    const answers = await this.askAll(() => ({ kind: 'metrics' }));
    const names = answers.map(({ id }) => id).sort();
    this.#sources = createHash('sha256').update(names.join()).digest().readUInt32BE(0);
    const own = await this.#options.metrics.values();
    return mergedReading([own, ...answers.map(({ id, answer }) => namedAfter(id, answer.values ?? []))]);
  }

  async #send(
    { adminAddress }: FrontNode,
    question: RoleQuestion,
    signal: AbortSignal | undefined,
  ): Promise<RoleReport> {
    const timeout = AbortSignal.timeout(isLong(question) ? longWithinMs : withinMs);
    const response = await fetch(`http://${adminAddress}${reportPath}`, {
      method: 'POST',
      headers: { authorization: this.#authorization, 'content-type': 'application/json' },
      body: JSON.stringify(question),
      redirect: 'error',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    if (!response.ok) throw new Error(`${adminAddress} answered ${response.status}`);
    return (await response.json()) as RoleReport;
  }
}

function isThere({ state, adminAddress }: FrontNode): boolean {
  return state !== 'silent' && adminAddress !== undefined;
}

function isLong({ kind }: RoleQuestion): boolean {
  return kind === 'level' || kind === 'below' || kind === 'reads';
}

/** Of a cursor only what is the member's own. */
function questionTo(id: string, question: ReportQuestion): ReportQuestion {
  if (question.kind !== 'logs') return question;
  const own = Object.entries(question.after).filter(([name]) => name.startsWith(`${id}/`));
  const after = Object.fromEntries(own.map(([name, number]) => [name.slice(id.length + 1), number]));
  return { ...question, after };
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
