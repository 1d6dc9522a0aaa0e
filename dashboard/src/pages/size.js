/** How big should the cache be? */
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { useAsked } from '../api.js';
import { Chart } from '../chart.js';
import { formatCount, formatRatio, formatSize } from '../format.js';
import { Card, Choice, Gaps, Table, Waiting } from '../parts.js';

const columns = [
  { name: 'Cache', number: true },
  { name: 'Of reads', number: true },
  { name: 'Of bytes', number: true },
];
const factors = [
  ['0.5', 'Half'],
  ['2', 'Double'],
  ['4', 'Four times'],
  ['8', 'Eight times'],
];
const pointsPerDoubling = 4;

export function Size() {
  const asked = useAsked('/api/v1/curve', 10_000);
  const { data, error } = asked;
  const [factor, setFactor] = useState('2');
  if (!data) return h(Waiting, { error });
  const { points, reads, cacheBytes } = data;
  if (points.length === 0) return h('p', { class: 'quiet' }, 'Nothing was read yet: there is no curve.');
  const wantedBytes = cacheBytes * Number(factor);
  const ratioAt = (bytes) => points.findLast((point) => point.cacheBytes <= bytes * 1.001)?.hitRatio;
  const change =
    wantedBytes > cacheBytes
      ? `With ${formatSize(wantedBytes - cacheBytes)} more`
      : `With ${formatSize(cacheBytes - wantedBytes)} less`;
  const rows = points
    .filter((_, index) => index % pointsPerDoubling === 0)
    .map((point) => ({
      key: point.cacheBytes,
      cells: [
        point.cacheBytes === cacheBytes
          ? h('strong', null, `${formatSize(point.cacheBytes)}, as now`)
          : formatSize(point.cacheBytes),
        formatRatio(point.hitRatio),
        formatRatio(point.byteHitRatio),
      ],
    }));
  return h(
    'div',
    { class: 'stack' },
    h(Gaps, { asked }),
    h(
      Card,
      null,
      h(
        'p',
        { class: 'figure' },
        `${change}: ${formatRatio(ratioAt(cacheBytes))} → ${formatRatio(ratioAt(wantedBytes))}`,
      ),
      h(
        'p',
        { class: 'quiet' },
        `Share of page reads that the cache answers, from ${formatCount(reads)} of them, as an LRU cache of that size would.`,
      ),
      h(Choice, { label: 'Size of the cache', options: factors, value: factor, onChange: setFactor }),
    ),
    h(
      Card,
      null,
      h(Chart, {
        ...{
          title: 'Hit ratio by size of the cache',
          xs: points.map((point) => point.cacheBytes),
          xFormat: formatSize,
          max: 1,
        },
        format: (ratio) => `${Math.round(ratio * 100)} %`,
        lines: [
          { label: 'of reads', color: 'disk', values: points.map((point) => point.hitRatio) },
          { label: 'of bytes', color: 'memory', values: points.map((point) => point.byteHitRatio) },
        ],
      }),
    ),
    h(Card, null, h(Table, { label: 'Hit ratio by size of the cache', columns, rows })),
  );
}
