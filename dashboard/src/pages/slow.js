/** The slowest requests, and where their time went. */
import { h } from 'preact';
import { useAsked } from '../api.js';
import { formatLatency, formatSize, formatTime } from '../format.js';
import { Card, Gaps, Table, Waiting } from '../parts.js';
import { linkTo } from '../route.js';

const columns = [
  'When',
  { name: 'Took', number: true },
  { name: 'Waited', number: true },
  'Request',
  'Answer',
  { name: 'Bytes', number: true },
  'Why',
];

export function Slow() {
  const asked = useAsked('/api/v1/slow', 3000);
  const { data, error } = asked;
  if (!data) return h(Waiting, { error });
  const rows = data.map((request) => ({ key: request.id, cells: cellsOf(request) }));
  return h(
    'div',
    { class: 'stack' },
    h(Gaps, { asked }),
    h(
      'p',
      { class: 'quiet' },
      'Of the last hour: the slowest of each five minutes. Waited: until the answer began.',
    ),
    h(
      Card,
      null,
      h(Table, { label: 'Slow requests', columns, rows, stacks: true, empty: 'There were no requests.' }),
    ),
  );
}

function cellsOf({
  id,
  trace,
  at,
  durationMs,
  waitMs,
  operation,
  bucket,
  key,
  range,
  status,
  code,
  cache,
  gateway,
  bytes,
  reasons,
}) {
  const name = key === undefined ? bucket : `s3://${bucket}/${key}`;
  return [
    formatTime(at),
    formatLatency(durationMs),
    formatLatency(waitMs),
    h(
      'div',
      { class: 'long' },
      `${operation} `,
      key ? h('a', { href: linkTo('objects', { bucket, object: key }) }, name) : name,
      range && h('div', { class: 'quiet' }, range),
      h('div', { class: 'quiet' }, gateway ? `${id} · ${gateway}` : id),
      trace && h('div', { class: 'quiet' }, `trace ${trace}`),
    ),
    [status, code, cache].filter(Boolean).join(' '),
    formatSize(bytes),
    h(
      'ul',
      { class: 'plain-list long' },
      reasons.map((reason) => h('li', { key: reason }, reason)),
    ),
  ];
}
