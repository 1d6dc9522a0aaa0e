/** Jobs: their scheduler beside a registry, and what a node does for them. */
import type { LocalCacheNode } from '@forebay/cache-node/local-cache-node';
import type { CacheNode } from '@forebay/core/cache-node';
import type { Clock } from '@forebay/core/clock';
import type { JobWorker, JobWorkers } from '@forebay/core/job-worker';
import { parseKeyPattern } from '@forebay/core/key-pattern';
import type { Log } from '@forebay/core/log';
import type { Metrics } from '@forebay/core/metrics';
import type { Mount } from '@forebay/core/mount';
import { ObjectCopier } from '@forebay/gateway/jobs/object-copier';
import type { JobDeps } from '@forebay/registry/admin/jobs';
import { JobScheduler } from '@forebay/registry/jobs/job-scheduler';
import { declareJobMetrics, type JobMetrics } from '@forebay/registry/jobs/metrics';
import type { LocalRegistry } from '@forebay/registry/local-registry';
import type { State } from '@forebay/registry/state-store';
import type { Ufs } from '@forebay/ufs/ufs';
import type { ServeValues } from '../settings.ts';
import type { Parts } from './parts.ts';

const partBytes = 64 * 1024 * 1024;

/** What jobs are run with, wherever the scheduler is. */
export interface JobSources {
  readonly state: State;
  readonly registry: LocalRegistry;
  readonly cacheNode: Pick<CacheNode, 'free'>;
  readonly workers: JobWorkers;
  readonly jobMetrics: JobMetrics;
  /** May change at any time. */
  readonly values: JobValues;
  readonly clock: Clock;
  readonly log: Log;
}

type JobValues = Pick<
  ServeValues,
  'jobsRunningMax' | 'jobsConcurrencyMax' | 'priceThousandReads' | 'priceThousandLists' | 'priceGibibyte'
>;

/** Jobs go on where they were. */
export async function startJobs(sources: JobSources): Promise<JobDeps> {
  const { state, registry, cacheNode, workers, jobMetrics, values, clock, log } = sources;
  const jobs = await JobScheduler.open({
    ...{ state, clock, log, workers },
    mounts: () => registry.view().mounts,
    pin: (keys) => registry.pin({ keys: parseKeyPattern(keys), pinnedAtMs: clock.wallMs() }),
    free: (request) => cacheNode.free(request),
    ...{ onKey: jobMetrics.count, onEnd: jobMetrics.ended },
    limits: () => ({
      jobsRunningMax: values.jobsRunningMax,
      jobConcurrencyPerNodeMax: values.jobsConcurrencyMax,
    }),
  });
  jobMetrics.follow(() => jobs.all().map(({ record }) => record.state));
  jobs.start();
  const prices = () => ({
    thousandReads: values.priceThousandReads,
    thousandLists: values.priceThousandLists,
    gibibyte: values.priceGibibyte,
  });
  return { jobs, prices };
}

interface ServeJobs {
  readonly state: State;
  readonly registry: LocalRegistry;
  readonly cacheNode: LocalCacheNode;
  readonly ufsOf: (mount: Mount) => Promise<Ufs>;
  readonly metrics: Metrics;
}

/** Of `serve`, whose one node does the work. */
export async function openJobs({ ufsOf, metrics, ...of }: ServeJobs, parts: Parts): Promise<JobDeps> {
  const { clock, log } = parts;
  const { values } = parts.config;
  const workers = soleWorker(of.cacheNode, ufsOf);
  const deps = await startJobs({
    ...{ ...of, workers, values, clock, log },
    jobMetrics: declareJobMetrics(metrics),
  });
  parts.undoing.add(() => deps.jobs.stop());
  return deps;
}

/** What a node does for jobs. `fences`: where its writes to stores are fenced. */
export function nodeWorker(
  cacheNode: LocalCacheNode,
  { fences, ufsOf }: { readonly fences: CacheNode; readonly ufsOf: (mount: Mount) => Promise<Ufs> },
): JobWorker {
  const copier = new ObjectCopier({ cacheNode: fences, ufsOf });
  return {
    list: async ({ mount, prefix, startAfter, keysMax, signal }) => {
      const ufs = await ufsOf(mount);
      const { entries, truncated } = await ufs.list({ prefix, startAfter, maxKeys: keysMax, signal });
      return {
        entries: entries.map(({ key, sizeBytes, etag }) => ({ ufsKey: key, sizeBytes, etag })),
        truncated,
      };
    },
    load: (request) => cacheNode.load(request),
    verify: (request) => cacheNode.verify(request),
    copy: (request) => copier.copy(request),
    remove: (request) => copier.remove(request),
  };
}

function soleWorker(cacheNode: LocalCacheNode, ufsOf: (mount: Mount) => Promise<Ufs>): JobWorkers {
  const worker = nodeWorker(cacheNode, { fences: cacheNode, ufsOf });
  return { of: () => ({ nodeId: cacheNode.nodeId, worker }), partBytes, nodeCount: 1 };
}
