/** How the cache does, at one look. */
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { useAsked } from '../api.js';
import { binarySteps, Chart } from '../chart.js';
import { formatCount, formatLatency, formatMoney, formatRatio, formatSize, formatSpan } from '../format.js';
import { Card, Choice, Failure, Gaps, Meter, Pairs, Tile, Waiting } from '../parts.js';
import { costOf, usePrices } from '../prices.js';

const spans = [
  ['hour', 'Hour'],
  ['day', 'Day'],
  ['week', 'Week'],
];
const hits = ['HIT', 'REVALIDATED', 'STALE'];
const perSecond = (bytes) => `${formatSize(bytes)}/s`;

export function Overview() {
  const [span, setSpan] = useState('hour');
  const asked = useAsked('/api/v1/status', 2000);
  const { data: status, error } = asked;
  const { data: series } = useAsked(`/api/v1/series?span=${span}`, 5000);
  if (!status) return h(Waiting, { error });
  return h(
    'div',
    { class: 'stack' },
    h(Gaps, { asked }),
    h(Tiles, { status, series }),
    h(Choice, { label: 'Time shown', options: spans, value: span, onChange: setSpan }),
    series && h(Charts, { series }),
    h(
      'div',
      { class: 'thirds' },
      series && h(Saved, { series }),
      h(Cache, { status }),
      h(Answers, { status }),
    ),
    h(Foot, { status }),
  );
}

function Tiles({ status, series }) {
  const { bytesServed, reads, ufs, requests } = status;
  const fromCache = bytesServed.memory + bytesServed.disk + bytesServed.peer;
  const readCount = Object.values(reads).reduce((total, count) => total + count, 0);
  const hitCount = hits.reduce((total, name) => total + (reads[name] ?? 0), 0);
  const now = (values) => values?.at(-1);
  const throughput =
    series && Object.values(series.bytesPerSecond).reduce((total, of) => total + (now(of) ?? 0), 0);
  const latency = (name) => formatLatency(series?.latencyMs[name].findLast((ms) => ms !== null));
  return h(
    'div',
    { class: 'tiles' },
    h(Tile, {
      ...{ id: 'hit-ratio', title: 'Hit ratio by requests' },
      figure: formatRatio(readCount > 0 ? hitCount / readCount : null),
      note: `${formatCount(hitCount)} of ${formatCount(readCount)} reads`,
    }),
    h(Tile, {
      ...{ id: 'byte-ratio', title: 'Hit ratio by bytes', figure: formatRatio(status.hitRatio) },
      note: `${formatSize(fromCache)} of ${formatSize(fromCache + bytesServed.ufs)}`,
    }),
    h(Tile, {
      ...{ id: 'throughput', title: 'Throughput now', figure: perSecond(throughput ?? 0) },
      note: `${formatCount(now(series?.requestsPerSecond) ?? 0)} requests/s`,
    }),
    h(Tile, {
      ...{ id: 'latency', title: 'Latency, median', figure: latency('p50') },
      note: `p95 ${latency('p95')}, p99 ${latency('p99')}`,
    }),
    h(Tile, {
      ...{ id: 'requests', title: 'Requests', figure: formatCount(requests.total) },
      note: `${formatCount(requests.failed)} failed on our side`,
    }),
    h(Tile, {
      ...{ id: 'ufs-requests', title: 'Requests to the UFS', figure: formatCount(ufs.requests) },
      note: `${formatSize(ufs.bytes)} read, ${formatCount(ufs.failed)} failed`,
    }),
  );
}

function Charts({ series }) {
  const { atMs: times, bytesPerSecond, latencyMs } = series;
  const line = (label, color, values) => ({ label, color, values });
  if (times.length < 2)
    return h('p', { class: 'quiet' }, 'Charts begin with the third sample, in a few seconds.');
  return h(
    'div',
    { class: 'charts' },
    h(
      Card,
      null,
      h(Chart, {
        ...{ title: 'Throughput by source', times, format: perSecond, steps: binarySteps },
        lines: [
          line('memory', 'memory', bytesPerSecond.memory),
          line('disk', 'disk', bytesPerSecond.disk),
          line('peers', 'peer', bytesPerSecond.peer),
          line('UFS', 'ufs', bytesPerSecond.ufs),
        ],
      }),
    ),
    h(
      Card,
      null,
      h(Chart, {
        ...{ title: 'Hit ratio', times, format: (ratio) => `${Math.round(ratio * 100)} %`, max: 1 },
        lines: [line('requests', 'disk', series.hitRatio), line('bytes', 'memory', series.byteHitRatio)],
      }),
    ),
    h(
      Card,
      null,
      h(Chart, {
        ...{ title: 'Latency', times, format: formatLatency },
        lines: [
          line('median', 'memory', latencyMs.p50),
          line('p95', 'disk', latencyMs.p95),
          line('p99', 'ufs', latencyMs.p99),
        ],
      }),
    ),
    h(
      Card,
      null,
      h(Chart, {
        ...{ title: 'Requests per second', times, format: formatCount },
        lines: [
          line('clients', 'memory', series.requestsPerSecond),
          line('UFS', 'ufs', series.ufsRequestsPerSecond),
          line('failed', 'bad', series.failedPerSecond),
        ],
      }),
    ),
  );
}

function Saved({ series: { avoided, span } }) {
  const [prices, change] = usePrices();
  return h(
    Card,
    { title: `Saved in the last ${span}` },
    h('p', { class: 'figure', id: 'saved' }, prices ? formatMoney(costOf(avoided, prices), 'USD') : '–'),
    h(Pairs, {
      pairs: [
        ['UFS requests avoided', formatCount(avoided.requests)],
        ['UFS bytes avoided', formatSize(avoided.bytes)],
      ],
    }),
    prices && h(Prices, { prices, change }),
  );
}

function Prices({ prices, change }) {
  const [error, setError] = useState('');
  const set = async (name, value) => {
    try {
      await change(name, value);
      setError('');
    } catch (thrown) {
      setError(thrown.message);
    }
  };
  const field = (name, label, step) =>
    h(
      'label',
      null,
      label,
      h('input', {
        ...{ type: 'number', min: 0, step, defaultValue: prices[name], key: prices[name] },
        onChange: (event) => set(name, event.target.value),
      }),
    );
  return h(
    'details',
    null,
    h('summary', null, 'Prices, in USD'),
    h(
      'div',
      { class: 'fields' },
      field('perThousandReads', 'Per 1,000 reads', 0.0001),
      field('perGibibyte', 'Per GiB read', 0.01),
      h(Failure, { error }),
    ),
  );
}

function Cache({ status: { cache } }) {
  const of = (bytes, max) => `${formatSize(bytes)} of ${formatSize(max)}`;
  return h(
    Card,
    { title: 'Cache' },
    h(Meter, {
      label: 'Disk',
      value: cache.diskBytes,
      max: cache.diskBytesMax,
      text: of(cache.diskBytes, cache.diskBytesMax),
    }),
    h(Meter, {
      ...{ label: 'Memory', value: cache.memoryBytes, max: cache.memoryBytesMax },
      text: of(cache.memoryBytes, cache.memoryBytesMax),
    }),
    h(Pairs, {
      pairs: [
        ['Pages', formatCount(cache.pages)],
        ['Infos in memory', formatCount(cache.infoMemoryEntries)],
        ['Infos on disk', formatCount(cache.infoPersistentEntries)],
        ['Fills in flight', formatCount(cache.fillsInFlight)],
        ['Writes under way', formatCount(cache.fencesOpen)],
      ],
    }),
  );
}

function Answers({ status: { reads } }) {
  const pairs = Object.entries(reads).map(([name, count]) => [name, formatCount(count)]);
  return h(
    Card,
    { title: 'Reads by answer' },
    pairs.length > 0 ? h(Pairs, { pairs }) : h('p', { class: 'quiet' }, 'None yet.'),
  );
}

function placeOf({ nodeId, members }) {
  if (!members) return nodeId;
  const { gateways, ...states } = members;
  const nodes = Object.entries(states).flatMap(([state, count]) => (count > 0 ? `${count} ${state}` : []));
  return `cache nodes: ${nodes.join(', ') || 'none'} · gateways: ${gateways}`;
}

function Foot({ status }) {
  return h(
    'p',
    { class: 'quiet' },
    `Forebay ${status.version} · S3 endpoint `,
    h('code', null, status.endpoint),
    ` · ${placeOf(status)} · up ${formatSpan(status.uptimeMs)} · `,
    h('a', { href: '/api/v1/openapi.json' }, 'API'),
  );
}
