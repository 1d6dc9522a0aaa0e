/** What a cache node does for the jobs of its cluster, as calls of the data plane; and who asks for it. */
import type { JobWorker, KeysRequest, LoadRequest, RemoveRequest } from '@forebay/core/job-worker';
import type { MountTable, ObjectRef } from '@forebay/core/mount';
import type { CallContext, ExtraCall } from '@forebay/data-plane/cache-node-server';
import { type MountName, mountNameOf, namedMount } from '../mount-name.ts';
import { KeptCopies } from './kept-copies.ts';

interface WireObject {
  readonly mount: MountName;
  readonly ufsKey: string;
}

type WireKeys = Omit<KeysRequest, 'mount' | 'signal'> & { readonly mount: MountName };
type WireLoad = Omit<LoadRequest, 'object' | 'signal'> & WireObject;
interface WireCopy {
  readonly job: string;
  readonly source: WireObject;
  readonly target: WireObject;
}

type WireRemove = Omit<RemoveRequest, 'source' | 'signal'> & { readonly source: WireObject };

export interface JobCallsOptions {
  readonly worker: JobWorker;
  readonly mounts: () => MountTable;
}

/** Each may be sent again. */
export function jobCalls({ worker, mounts }: JobCallsOptions): Readonly<Record<string, ExtraCall>> {
  const copies = new KeptCopies({ copy: (request) => worker.copy(request) });
  const objectOf = ({ mount, ufsKey }: WireObject): ObjectRef => ({
    mount: namedMount(mount, mounts()),
    ufsKey,
  });
  const loadOf = (parameters: unknown, { signal }: CallContext): LoadRequest => {
    const { mount, ufsKey, ...request } = parameters as WireLoad;
    return { ...request, object: objectOf({ mount, ufsKey }), signal };
  };
  return {
    'jobs.list': (parameters, { signal }) => {
      const { mount, ...request } = parameters as WireKeys;
      return worker.list({ ...request, mount: namedMount(mount, mounts()), signal });
    },
    'jobs.load': (parameters, context) => worker.load(loadOf(parameters, context)),
    'jobs.verify': (parameters, context) => worker.verify(loadOf(parameters, context)),
    'jobs.copy': (parameters, { signal }) => {
      const { job, source, target } = parameters as WireCopy;
      return copies.copy({ job, source: objectOf(source), target: objectOf(target), signal });
    },
    'jobs.remove': (parameters, { signal }) => {
      const { source, etag } = parameters as WireRemove;
      return worker.remove({ source: objectOf(source), etag, signal });
    },
  };
}

/** The part of a node's client that is needed here. */
export interface JobNode {
  call(name: string, parameters: unknown, options: { readonly signal: AbortSignal }): Promise<unknown>;
}

/** The worker on a node elsewhere. */
export function remoteWorker(nodeOf: () => Promise<JobNode>): JobWorker {
  const ask = async <T>(name: string, parameters: unknown, signal: AbortSignal): Promise<T> =>
    (await (await nodeOf()).call(name, parameters, { signal })) as T;
  const wireLoad = ({ object, signal: _, ...request }: LoadRequest): WireLoad => ({
    ...request,
    ...wireOf(object),
  });
  return {
    list: ({ mount, signal, ...request }) =>
      ask('jobs.list', { ...request, mount: mountNameOf(mount) } satisfies WireKeys, signal),
    load: (request) => ask('jobs.load', wireLoad(request), request.signal),
    verify: (request) => ask('jobs.verify', wireLoad(request), request.signal),
    copy: ({ job, source, target, signal }) =>
      ask('jobs.copy', { job, source: wireOf(source), target: wireOf(target) } satisfies WireCopy, signal),
    remove: ({ source, etag, signal }) =>
      ask('jobs.remove', { source: wireOf(source), etag } satisfies WireRemove, signal),
  };
}

function wireOf({ mount, ufsKey }: ObjectRef): WireObject {
  return { mount: mountNameOf(mount), ufsKey };
}
