import { ForebayError } from '@forebay/core/errors';
import type { JobWorker, LoadRequest, WorkOutcome } from '@forebay/core/job-worker';
import type { Epoch, RingMember } from '@forebay/core/membership';
import { MountTable, placementKeyOf } from '@forebay/core/mount';
import { parseMount } from '@forebay/core/mount-uri';
import { ringAlgorithm, ringOf, segmentKeyOf } from '@forebay/core/ring';
import type { CallContext } from '@forebay/data-plane/cache-node-server';
import { describe, expect, it } from 'vitest';
import { type JobNode, jobCalls } from './job-calls.ts';
import { ringWorkers } from './ring-workers.ts';

const mount = parseMount({ path: '/lake', uri: 's3://lake' }, { pageSizeBytes: 65_536, createdAtMs: 0 });
const { signal } = new AbortController();
const memberOf = (nodeId: string): RingMember => ({
  ...{ nodeId, address: `${nodeId}:9100`, weight: 1, incarnation: `${nodeId}-1`, state: 'active' },
});
const epochOf = (...ids: string[]): Epoch => ({
  ...{ number: ids.length, registry: 'r', ring: ringAlgorithm, segmentBytes: 1000 },
  members: ids.map(memberOf),
});

/** Nodes that answer calls as theirs would, with what travels as JSON. */
function nodes(mounts = new MountTable([mount])) {
  const loads: { readonly nodeId: string; readonly request: LoadRequest }[] = [];
  const copies: string[] = [];
  const nodeOf = async ({ nodeId }: RingMember): Promise<JobNode> => {
    const worker: JobWorker = {
      list: async () => ({ entries: [{ ufsKey: 'a', sizeBytes: 1, etag: '"e"' }], truncated: false }),
      load: async (request) => {
        loads.push({ nodeId, request });
        return done;
      },
      verify: async () => done,
      copy: async ({ source, target }) => {
        copies.push(`${source.mount.path} ${source.ufsKey} ${target.mount.path} ${target.ufsKey}`);
        return done;
      },
      remove: async ({ source, etag }) => ({ reason: `${source.ufsKey} is not ${etag}`, ...nothing }),
    };
    const calls = jobCalls({ worker, mounts: () => mounts });
    return {
      call: async (name, parameters) =>
        JSON.parse(
          JSON.stringify(
            await calls[name]!(JSON.parse(JSON.stringify(parameters)), { signal } as CallContext),
          ),
        ) as unknown,
    };
  };
  return { loads, copies, nodeOf };
}

const nothing = { ufsRequests: 0, ufsBytes: 0 };
const done: WorkOutcome = {
  kind: 'done',
  info: {
    sizeBytes: 1,
    etag: '"e"',
    lastModifiedMs: 0,
    versionId: undefined,
    headers: [],
    checksumsKnown: true,
  },
  ...{ bytes: 1, ufsRequests: 1, ufsBytes: 1 },
};

describe('the workers of a cluster', () => {
  it('are the owners of the parts', async () => {
    const { loads, nodeOf } = nodes();
    const epoch = epochOf('n1', 'n2', 'n3');
    const workers = ringWorkers({ membership: () => ({ epoch, settled: true }), nodeOf });
    expect(workers.partBytes).toBe(1000);
    const object = { mount, ufsKey: 'big' };
    for (let part = 0; part < 20; part += 1) {
      const { nodeId, worker } = workers.of(object, part);
      expect(nodeId).toBe(ringOf(epoch).homeOf(segmentKeyOf(placementKeyOf(object), part))!.nodeId);
      await worker.load({ object, range: { start: part, endExclusive: part + 1 }, signal });
      expect(loads.at(-1)).toMatchObject({ nodeId, request: { object, range: { start: part } } });
    }
    expect(new Set(loads.map(({ nodeId }) => nodeId)).size).toBe(3);
  });

  it('of replicas are the successors of the owner', () => {
    const epoch = epochOf('n1', 'n2', 'n3');
    const workers = ringWorkers({ membership: () => ({ epoch, settled: true }), ...nodes() });
    expect(workers.nodeCount).toBe(3);
    const object = { mount, ufsKey: 'big' };
    const owners = ringOf(epoch).ownersOf(segmentKeyOf(placementKeyOf(object), 2), 3);
    const found = [0, 1, 2].map((replica) => workers.of(object, 2, replica).nodeId);
    expect(found).toEqual(owners.map(({ nodeId }) => nodeId));
    expect(() => workers.of(object, 2, 3)).toThrow('fewer cache nodes now than replicas');
  });

  it('follow the ring', () => {
    let epoch = epochOf('n1');
    const workers = ringWorkers({ membership: () => ({ epoch, settled: true }), ...nodes() });
    const object = { mount, ufsKey: 'a' };
    expect(workers.of(object, 0).nodeId).toBe('n1');
    epoch = { ...epochOf('n2'), number: 7 };
    expect(workers.of(object, 0).nodeId).toBe('n2');
    epoch = { ...epochOf(), number: 8 };
    expect(() => workers.of(object, 0)).toThrow('no cache node');
  });

  it('copy and remove: the owner of the source does', async () => {
    const { copies, nodeOf } = nodes();
    const membership = () => ({ epoch: epochOf('n1', 'n2'), settled: true });
    const [source, target] = [
      { mount, ufsKey: 'a' },
      { mount, ufsKey: 'b' },
    ];
    const { worker } = ringWorkers({ membership, nodeOf }).of(source, 0);
    expect(await worker.copy({ job: 'job-1', source, target, signal })).toEqual(done);
    expect(copies).toEqual(['/lake a /lake b']);
    const removed = await worker.remove({ source, etag: '"e"', signal });
    expect(removed).toEqual({ reason: 'a is not "e"', ...nothing });
  });

  it('list through a node, and are asked again where that has an older view', async () => {
    const membership = () => ({ epoch: epochOf('n1'), settled: true });
    const request = { mount, prefix: '', keysMax: 10, signal };
    const object = { mount, ufsKey: '' };
    const known = ringWorkers({ membership, ...nodes() }).of(object, 0).worker;
    expect((await known.list(request)).entries).toHaveLength(1);
    const unknown = ringWorkers({ membership, ...nodes(new MountTable([])) }).of(object, 0).worker;
    const refused = unknown.list(request);
    await expect(refused).rejects.toBeInstanceOf(ForebayError);
    await expect(refused).rejects.toMatchObject({ kind: 'node-unavailable' });
  });
});
