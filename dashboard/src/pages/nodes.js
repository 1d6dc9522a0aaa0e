/** The nodes: what each holds, how full it is, and its part of the ring. */
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { useAsked } from '../api.js';
import { formatCount, formatRatio, formatSize, formatSpan } from '../format.js';
import { useAction } from '../forms.js';
import { Badge, Card, Confirm, Failure, Meter, Pairs, Waiting } from '../parts.js';

const kinds = { active: 'good', draining: 'warn', joining: 'warn', silent: 'bad' };

export function Nodes() {
  const { data: nodes, error, reload } = useAsked('/api/v1/nodes', 3000);
  const { data: status } = useAsked('/api/v1/status', 3000);
  const [leaving, setLeaving] = useState();
  const [act, failure] = useAction(reload);
  if (!nodes || !status) return h(Waiting, { error });
  const drain = (id, method) => act(`/api/v1/nodes/${encodeURIComponent(id)}/drain`, { method });
  const onDone = (isSure) => {
    setLeaving(undefined);
    if (isSure) void drain(leaving, 'POST');
  };
  return h(
    'div',
    { class: 'stack' },
    h(Failure, { error: failure || error }),
    h(
      'div',
      { class: 'thirds' },
      nodes.map((node) =>
        h(Node, {
          ...{ key: node.id, node, stats: node.id === status.nodeId ? statsOf(status) : undefined },
          // There is nowhere to drain the only one to.
          onDrain: node.role === 'cache-node' ? () => setLeaving(node.id) : undefined,
          onReturn: () => drain(node.id, 'DELETE'),
        }),
      ),
    ),
    h(Confirm, {
      ...{ asked: leaving, title: `Drain ${leaving}?`, action: 'Drain', onDone },
      text: 'It owns nothing any more, and its pages move to the other nodes. Then it can be stopped.',
    }),
  );
}

function statsOf({ cache, uptimeMs }) {
  return { ...cache, uptimeMs };
}

function Node({ node, stats, onDrain, onReturn }) {
  const { id, role, state, address, version, ringShare, leaseLeftMs, silentMs, epoch, handOff } = node;
  const pairs = [
    ['Role', role],
    ['Address', h('code', null, address)],
    ['Version', version ?? '–'],
    ...(stats?.uptimeMs === undefined ? [] : [['Up', formatSpan(stats.uptimeMs)]]),
    ...(role === 'gateway' ? [] : [['Share of the ring', formatRatio(ringShare)]]),
    ...(leaseLeftMs === undefined ? [] : [['Lease, left', formatSpan(leaseLeftMs)]]),
    ...(silentMs === undefined ? [] : [['Silent for', formatSpan(silentMs)]]),
    ...(epoch === undefined ? [] : [['Epoch', String(epoch)]]),
    ...(handOff ? [['Hand-off', handOffText(handOff)]] : []),
    ...(stats
      ? [
          ['Pages', formatCount(stats.pages)],
          [
            'Infos in memory, on disk',
            `${formatCount(stats.infoMemoryEntries)}, ${formatCount(stats.infoPersistentEntries)}`,
          ],
          ['Fills in flight', formatCount(stats.fillsInFlight)],
          ['Writes under way', formatCount(stats.fencesOpen)],
        ]
      : []),
  ];
  return h(
    Card,
    {
      title: h('span', { class: 'row' }, h('code', null, id), h(Badge, { kind: kinds[state] ?? '' }, state)),
    },
    !stats &&
      node.cacheBytesMax !== undefined &&
      h(Tier, { label: 'Cache', bytes: node.cacheBytes ?? 0, max: node.cacheBytesMax }),
    stats && h(Tier, { label: 'Disk', bytes: stats.diskBytes, max: stats.diskBytesMax }),
    stats && h(Tier, { label: 'Memory', bytes: stats.memoryBytes, max: stats.memoryBytesMax }),
    h(Pairs, { pairs }),
    h(
      'div',
      { class: 'row under' },
      onDrain &&
        state === 'active' &&
        h('button', { type: 'button', class: 'plain', onClick: onDrain }, `Drain ${id}`),
      state === 'draining' &&
        h('button', { type: 'button', class: 'plain', onClick: onReturn }, `Take ${id} back`),
    ),
  );
}

function handOffText({ state, bytes, bytesTotal }) {
  return state === 'moving' ? `${formatSize(bytes)} of ${formatSize(bytesTotal)}` : state;
}

function Tier({ label, bytes, max }) {
  return h(Meter, { label, value: bytes, max, text: `${formatSize(bytes)} of ${formatSize(max)}` });
}
