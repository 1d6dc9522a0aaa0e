/** One object: what is known of it, which pages are cached where, and what a read would do now. */
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { follow, useAsked } from '../api.js';
import { formatCount, formatMoment, formatSize, formatSpan } from '../format.js';
import { Badge, Card, Confirm, Failure, Gaps, Pairs, Table, Waiting } from '../parts.js';
import { linkTo } from '../route.js';

export function ObjectDetails({ bucket, object: key }) {
  const query = new URLSearchParams({ bucket, key });
  const { data, error, reload } = useAsked(`/api/v1/objects?${query}`, 5000);
  const asked = useAsked(`/api/v1/objects/pages?${query}`, 5000);
  const { data: map } = asked;
  if (!data) return h(Waiting, { error });
  const parent = key.slice(0, key.lastIndexOf('/') + 1);
  return h(
    'div',
    { class: 'stack' },
    h(
      'p',
      { class: 'row' },
      h('a', { href: linkTo('objects', { keys: `s3://${bucket}/${parent}` }) }, 'Up'),
      h('code', null, `s3://${bucket}/${key}`),
    ),
    h(Failure, { error }),
    h('div', { class: 'halves' }, h(Known, { data }), h(Explained, { data })),
    map && map.total > 0 && h(Pages, { map, data, asked }),
    h(Free, { keys: `s3://${bucket}/${key}`, onFreed: reload }),
  );
}

function Known({ data }) {
  const { freshness, policy } = data;
  const pairs = [
    ['State', data.state],
    ['Size', data.sizeBytes === undefined ? '–' : formatSize(data.sizeBytes)],
    ['ETag', h('code', null, data.etag ?? '–')],
    ['Last modified', data.lastModified ? formatMoment(data.lastModified) : '–'],
    ['Mount', h('code', null, data.mount)],
    ['Home', data.home],
    ['Info', data.infoLevel],
    ['Fresh', data.fresh ? h(Badge, { kind: 'good' }, 'yes') : 'no'],
    ['Freshness', freshness.mode === 'ttl' ? `ttl ${formatSpan(freshness.ttlMs)}` : freshness.mode],
    ['Time left', freshness.ttlLeftMs === undefined ? '–' : formatSpan(freshness.ttlLeftMs)],
    ['Age', data.ageMs === undefined ? '–' : formatSpan(data.ageMs)],
    ['Policy', policy.rule],
    ['Priority', policy.pinned ? `${policy.priority}, pinned` : policy.priority],
    ['Writes under way', formatCount(data.fencesOpen)],
  ];
  return h(Card, { title: 'What is known' }, h(Pairs, { pairs }));
}

function Explained({ data: { forecast, pages, pageSizeBytes } }) {
  const asked = forecast.ufsRequests.map(({ method, range }) =>
    range
      ? `${method} of ${formatSize(range.endExclusive - range.start)} from byte ${formatCount(range.start)}`
      : method,
  );
  return h(
    Card,
    { title: 'What a read would do now' },
    h('p', { class: 'figure' }, forecast.cache),
    h(
      'ul',
      null,
      forecast.reasons.map((reason) => h('li', { key: reason }, reason)),
    ),
    h(Pairs, {
      pairs: [
        ['Certain', forecast.certain ? 'yes' : 'no, the UFS decides'],
        ['Pages at hand', `${formatCount(forecast.pages.hit)} of ${formatCount(forecast.pages.total)}`],
        ['Requests to the UFS', h(Asked, { asked })],
        ['Cached in all', `${formatSize(pages.cachedBytes)}, pages of ${formatSize(pageSizeBytes)}`],
      ],
    }),
  );
}

const askedShownMax = 6;

function Asked({ asked }) {
  if (asked.length === 0) return 'none';
  const more = asked.length - askedShownMax;
  return [
    ...asked.slice(0, askedShownMax).map((request) => h('div', { key: request }, request)),
    more > 0 && h('div', { key: 'more' }, `and ${formatCount(more)} more`),
  ];
}

/** Segments of an object that are shown each with its node. */
const segmentsShownMax = 32;

function Pages({ map, data, asked }) {
  const { total, cached, pagesPerCell, pageSizeBytes, placement } = map;
  const words = `${formatCount(cached)} of ${formatCount(total)} pages cached`;
  const cell = pagesPerCell === 1 ? 'a page' : `${formatCount(pagesPerCell)} pages`;
  return h(
    Card,
    {
      title: `Pages: ${words}`,
      extra: h(
        'span',
        { class: 'legend' },
        h(Key, { kind: 'memory' }),
        h(Key, { kind: 'disk' }),
        h(Key, { kind: 'none', text: 'not cached' }),
      ),
    },
    h(Gaps, { asked }),
    h('div', { role: 'img', 'aria-label': words }, bySegment(placement, map) ?? h(Cells, { map })),
    h(
      'p',
      { class: 'quiet' },
      placement ? '' : `On ${data.home}. `,
      `A cell is ${cell} of ${formatSize(pageSizeBytes)}; pale: a part of it.`,
    ),
    placement && h(Holders, { placement }),
  );
}

/** A row for each segment; undefined where there are too many, or nobody said whose they are. */
function bySegment(placement, map) {
  const cells = placement && placement.pagesPerSegment / map.pagesPerCell;
  const segments = Math.ceil(map.memory.length / cells);
  if (!Number.isInteger(cells) || segments > segmentsShownMax || segments > placement.owners.length) {
    return undefined;
  }
  return h(
    'div',
    { class: 'segments' },
    Array.from({ length: segments }, (_, segment) => [
      h(
        'span',
        { key: `${segment}?`, class: 'quiet' },
        placement.nodes[placement.owners[segment]]?.id ?? '–',
      ),
      h(Cells, { key: segment, map, from: segment * cells, count: cells }),
    ]),
  );
}

function Cells({ map: { memory, disk, pagesPerCell, total }, from = 0, count = memory.length }) {
  const cells = memory.slice(from, from + count).map((inMemory, at) => {
    const index = from + at;
    const pages = Math.min(pagesPerCell, total - index * pagesPerCell);
    const onDisk = disk[index];
    const kind = inMemory > 0 ? 'memory' : onDisk > 0 ? 'disk' : 'none';
    const isPart = kind !== 'none' && Math.max(inMemory, onDisk) < pages;
    const title = titleOf(index, pagesPerCell, pages);
    return h('i', { key: index, class: `cell ${kind} ${isPart ? 'part' : ''}`, title });
  });
  return h('div', { class: 'map' }, cells);
}

const holderColumns = [
  'Node',
  { name: 'Segments', number: true },
  { name: 'Cached pages', number: true },
  { name: 'Copies', number: true },
];

/** Copies: replicas of what is read often, and pages that it owned before the ring changed. */
function Holders({ placement: { nodes, owners } }) {
  const rows = nodes.map(({ id, pages, copies }, place) => ({
    key: id,
    cells: [
      h('code', null, id),
      formatCount(owners.filter((owner) => owner === place).length),
      formatCount(pages),
      formatCount(copies),
    ],
  }));
  return h(Table, { label: 'Pages by node', columns: holderColumns, rows });
}

function Key({ kind, text = kind }) {
  return h('span', { class: 'key' }, h('i', { class: `cell ${kind}` }), text);
}

function titleOf(index, pagesPerCell, pages) {
  const first = index * pagesPerCell;
  return pages === 1 ? `page ${first}` : `pages ${first} to ${first + pages - 1}`;
}

function Free({ keys, onFreed }) {
  const [asked, setAsked] = useState();
  const [said, setSaid] = useState('');
  const [error, setError] = useState('');
  const free = async (isSure) => {
    setAsked(undefined);
    if (!isSure) return;
    try {
      await follow('/api/v1/free', {
        body: { keys },
        onLine: ({ pages, bytes }) => setSaid(`${formatCount(pages)} pages, ${formatSize(bytes)} freed`),
      });
      setError('');
    } catch (thrown) {
      setError(thrown.message);
    }
    onFreed();
  };
  return h(
    'div',
    { class: 'row' },
    h('button', { type: 'button', class: 'plain', onClick: () => setAsked(keys) }, 'Free from the cache'),
    h('span', { role: 'status' }, said),
    h(Failure, { error }),
    h(Confirm, {
      ...{ asked, title: 'Free from the cache?', action: 'Free', onDone: free },
      text: `Pages of ${keys} are dropped, and of all below it. The UFS is not touched.`,
    }),
  );
}
