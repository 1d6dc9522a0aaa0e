/** The admin API of `serve`: what it tells and changes is all in this process and its workers. */

import type { LocalCacheNode } from '@forebay/cache-node/local-cache-node';
import type { Mount } from '@forebay/core/mount';
import { createAdminApp } from '@forebay/registry/admin/app';
import { tokensOf } from '@forebay/registry/admin/auth';
import type { JobDeps } from '@forebay/registry/admin/jobs';
import { soleNode } from '@forebay/registry/admin/nodes';
import type { LocalRegistry } from '@forebay/registry/local-registry';
import type { Ufs } from '@forebay/ufs/ufs';
import type { RootCredentials } from '../data-dir.ts';
import { type ServeValues, serveSettings } from '../settings.ts';
import { version } from '../version.ts';
import type { Front } from './front.ts';
import { openInsight } from './insight.ts';
import type { Parts } from './parts.ts';
import { usableMount } from './serve-mounts.ts';
import { readStatus } from './status.ts';
import { makeUser } from './users.ts';

export interface ServeAdminSources {
  readonly registry: LocalRegistry;
  readonly cacheNode: LocalCacheNode;
  readonly front: Front;
  readonly ufsOf: (mount: Mount) => Promise<Ufs>;
  readonly rootUser: RootCredentials;
  readonly endpoint: string;
  /** HOST:PORT of the admin server. */
  readonly adminAddress: string;
  readonly startedAtMs: number;
  readonly jobDeps: JobDeps;
  /** Of settings, before what was set at run time. */
  readonly startValues: ServeValues;
}

export function openServeAdmin(sources: ServeAdminSources, parts: Parts): ReturnType<typeof createAdminApp> {
  const { registry, cacheNode, front, rootUser, endpoint, adminAddress, startedAtMs } = sources;
  const { config, clock, log, undoing } = parts;
  const read = () => front.read();
  let stopping = false;
  undoing.add(() => {
    stopping = true;
  });
  return createAdminApp({
    jobDeps: sources.jobDeps,
    settings: { declared: serveSettings, values: sources.startValues },
    registry,
    cacheNode,
    credentials: { ...rootUser, ...tokensOf(config.values) },
    version,
    status: async () => readStatus({ metrics: await read(), cacheNode, clock, endpoint, startedAtMs }),
    notReady: () => (stopping ? ['stopping'] : front.notReady()),
    metricsText: async () => (await read()).text(),
    makeMount: (input) => usableMount(input, parts),
    makeUser: (input) => makeUser(input, rootUser, clock.wallMs()),
    insight: openInsight({ ...sources, clock, undoing }),
    nodes: soleNode({ id: cacheNode.nodeId, address: new URL(endpoint).host, adminAddress, version }),
    nowMs: () => clock.wallMs(),
    log,
  });
}
