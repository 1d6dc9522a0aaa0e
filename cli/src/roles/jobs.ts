/** The jobs of `serve`: its scheduler, and the one node that does their work. */
import type { LocalCacheNode } from '@forebay/cache-node/local-cache-node';
import type { JobWorker, JobWorkers } from '@forebay/core/job-worker';
import { parseKeyPattern } from '@forebay/core/key-pattern';
import type { Mount } from '@forebay/core/mount';
import { ObjectCopier } from '@forebay/gateway/jobs/object-copier';
import type { JobDeps } from '@forebay/registry/admin/jobs';
import { JobScheduler } from '@forebay/registry/jobs/job-scheduler';
import type { LocalRegistry } from '@forebay/registry/local-registry';
import type { State } from '@forebay/registry/state-store';
import type { Ufs } from '@forebay/ufs/ufs';
import type { Parts } from './parts.ts';

const partBytes = 64 * 1024 * 1024;

interface JobParts {
  readonly state: State;
  readonly registry: LocalRegistry;
  readonly cacheNode: LocalCacheNode;
  readonly ufsOf: (mount: Mount) => Promise<Ufs>;
}

/** Jobs go on where they were. */
export async function openJobs({ state, registry, cacheNode, ufsOf }: JobParts, of: Parts): Promise<JobDeps> {
  const { values } = of.config;
  const { clock, log } = of;
  const jobs = await JobScheduler.open({
    ...{ state, clock, log },
    workers: soleWorker(cacheNode, ufsOf),
    mounts: () => registry.view().mounts,
    pin: (keys) => registry.pin({ keys: parseKeyPattern(keys), pinnedAtMs: clock.wallMs() }),
    free: (request) => cacheNode.free(request),
    limits: () => ({
      jobsRunningMax: values.jobsRunningMax,
      jobConcurrencyPerNodeMax: values.jobsConcurrencyMax,
    }),
  });
  jobs.start();
  of.undoing.add(() => jobs.stop());
  const prices = () => ({
    thousandReads: values.priceThousandReads,
    thousandLists: values.priceThousandLists,
    gibibyte: values.priceGibibyte,
  });
  return { jobs, prices };
}

function soleWorker(cacheNode: LocalCacheNode, ufsOf: (mount: Mount) => Promise<Ufs>): JobWorkers {
  const copier = new ObjectCopier({ cacheNode, ufsOf });
  const worker: JobWorker = {
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
  };
  return { of: () => ({ nodeId: cacheNode.nodeId, worker }), partBytes };
}
