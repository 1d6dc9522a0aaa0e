/** `forebay nodes` and `drain`. */
import { setTimeout as wait } from 'node:timers/promises';
import { formatDuration, formatSize } from '@forebay/core/bytes';
import type { NodeView } from '@forebay/registry/cluster/node-views';
import type { Command } from 'commander';
import type { AdminClient } from '../admin-client.ts';
import { CommandError } from '../command-error.ts';
import { table } from '../terminal.ts';
import { adminCommand } from './admin-command.ts';

const pollMs = 1_000;

export function nodesCommand(): Command {
  return adminCommand({
    usage: 'nodes',
    summary: 'list the cache nodes and gateways of a cluster',
    examples: ['forebay nodes', 'forebay nodes --json'],
    run: async ({ client, print }) => {
      const nodes = await nodesOf(client);
      print(nodes, () => (nodes.length === 0 ? ['no nodes'] : nodeTable(nodes)));
    },
  });
}

export function drainCommand(): Command {
  return adminCommand({
    usage: 'drain <node>',
    summary: 'have a cache node hand its pages to the others, so that it can be stopped',
    examples: [
      'forebay drain node-1a2b3c4d',
      'forebay drain node-1a2b3c4d --wait',
      'forebay drain node-1a2b3c4d --cancel',
    ],
    run: async ({ client, arguments: [id = ''], options, print }) => {
      const path = `/api/v1/nodes/${encodeURIComponent(id)}/drain`;
      let node = await client.ask<NodeView>(options.cancel ? 'DELETE' : 'POST', path);
      if (options.wait && !options.cancel) node = await untilDrained(client, node);
      print(node, () => [`${node.id} ${options.cancel ? 'takes its share again' : stateOf(node)}`]);
    },
  })
    .option('--wait', 'until it has handed over what it can')
    .option('--cancel', 'have it take its share again');
}

function nodesOf(client: AdminClient): Promise<NodeView[]> {
  return client.ask<NodeView[]>('GET', '/api/v1/nodes');
}

/** @throws CommandError where the node goes away, or is active again */
async function untilDrained(client: AdminClient, first: NodeView): Promise<NodeView> {
  let shown: string | undefined;
  for (;;) {
    const node = (await nodesOf(client)).find(({ id }) => id === first.id);
    if (!node || node.state === 'silent') throw new CommandError(`${first.id} has gone away`);
    if (node.state === 'active' && node.epoch !== first.epoch)
      throw new CommandError(`${first.id} is not draining any more`);
    const state = stateOf(node);
    if (state !== shown) process.stderr.write(`${node.id} ${state}\n`);
    shown = state;
    if (isDrained(node)) return node;
    if (node.handOff?.state === 'off')
      throw new CommandError(`${first.id} hands nothing over: its --hand-off-rate is 0`);
    await wait(pollMs);
  }
}

function isDrained({ state, handOff }: NodeView): boolean {
  return state === 'draining' && handOff?.state === 'drained';
}

function stateOf(node: NodeView): string {
  if (isDrained(node)) return 'is drained: it may be stopped';
  const { handOff } = node;
  if (handOff?.state !== 'moving') return 'is draining';
  return `is draining: ${formatSize(handOff.bytes)} of ${formatSize(handOff.bytesTotal)} handed over`;
}

function nodeTable(nodes: readonly NodeView[]): string[] {
  const rows = nodes.map((node) => [
    node.id,
    node.role,
    node.address,
    node.silentMs === undefined ? node.state : `${node.state} for ${formatDuration(node.silentMs)}`,
    node.leaseLeftMs === undefined ? '-' : formatDuration(node.leaseLeftMs),
    node.epoch === undefined ? '-' : String(node.epoch),
    node.ringShare === 0 ? '-' : `${(node.ringShare * 100).toFixed(1)} %`,
    node.cacheBytes === undefined
      ? '-'
      : `${formatSize(node.cacheBytes)} of ${formatSize(node.cacheBytesMax ?? 0)}`,
    node.version ?? '-',
  ]);
  return table([
    ['NODE', 'ROLE', 'ADDRESS', 'STATE', 'LEASE', 'EPOCH', 'SHARE', 'CACHE', 'VERSION'],
    ...rows,
  ]);
}
