/** The object browser: what there is, what share of it is cached, and one object in full. */
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { useAsked } from '../api.js';
import { formatCount, formatSize } from '../format.js';
import { Badge, Card, Failure, Gaps, Share, Table, Waiting } from '../parts.js';
import { linkTo } from '../route.js';
import { ObjectDetails } from './object-details.js';

const columns = [
  'Name',
  'Cached',
  { name: 'Cached bytes', number: true },
  { name: 'Objects', number: true },
  { name: 'Size', number: true },
  'State',
];
const levelOf = (bucket, prefix) => linkTo('objects', { keys: `s3://${bucket}/${prefix}` });

export function Objects({ params }) {
  const keys = params.get('keys');
  const object = params.get('object');
  const after = params.get('after') ?? '';
  if (object) return h(ObjectDetails, { key: object, bucket: params.get('bucket'), object });
  return h('div', { class: 'stack' }, h(GoTo, { keys }), keys ? h(Level, { keys, after }) : h(Buckets));
}

/** Straight to a prefix, or with a key to the object. */
function GoTo({ keys }) {
  const [text, setText] = useState(keys ?? 's3://');
  const [error, setError] = useState('');
  const submit = (event) => {
    event.preventDefault();
    const [, bucket, rest = ''] = /^s3:\/\/([^/]+)(?:\/(.*))?$/s.exec(text.trim()) ?? [];
    setError(bucket ? '' : 'Write s3://bucket/prefix/ or s3://bucket/key.');
    if (!bucket) return;
    const isLevel = rest === '' || rest.endsWith('/');
    location.hash = isLevel ? levelOf(bucket, rest) : linkTo('objects', { bucket, object: rest });
  };
  return h(
    Card,
    null,
    h(
      'form',
      { class: 'fields', onSubmit: submit },
      h(
        'label',
        { class: 'grow' },
        'Prefix or key',
        h('input', { value: text, spellcheck: false, onInput: (event) => setText(event.target.value) }),
      ),
      h('button', { type: 'submit' }, 'Go'),
      h(Failure, { error }),
    ),
  );
}

function Buckets() {
  const { data: mounts, error } = useAsked('/api/v1/mounts', 10_000);
  if (!mounts) return h(Waiting, { error });
  const paths = mounts.map(({ path }) => path.slice(1)).filter((path) => !path.includes('{'));
  const buckets = [...new Set(paths.map((path) => path.split('/')[0]))].sort();
  const rows = buckets.map((name) => ({
    key: name,
    cells: [h('a', { href: levelOf(name, '') }, name)],
  }));
  return h(
    Card,
    { title: 'Buckets' },
    h(Table, { label: 'Buckets', columns: ['Name'], rows, empty: 'No bucket is mounted by its name.' }),
  );
}

function Level({ keys, after }) {
  const query = new URLSearchParams({ keys, after });
  const asked = useAsked(`/api/v1/browse?${query}`);
  const { data, error, reload } = asked;
  if (!data) return h(Waiting, { error });
  const { bucket, prefix, prefixes, objects, next, complete } = data;
  const rows = [
    ...prefixes.map((one) => ({ key: one.prefix, cells: prefixCells(one, data) })),
    ...objects.map((one) => ({ key: `${one.key} `, cells: objectCells(one, data) })),
  ];
  return h(
    Card,
    {
      title: h(Crumbs, { bucket, prefix }),
      extra: h('button', { class: 'plain', type: 'button', onClick: reload }, 'Look again'),
    },
    h(Gaps, { asked }),
    h(Table, { label: `Objects of ${keys}`, columns, rows, empty: 'There is nothing here.' }),
    !complete &&
      h('p', { class: 'quiet' }, 'More is stored than was looked through: shares of prefixes may be larger.'),
    next && h('p', null, h('a', { href: linkTo('objects', { keys, after: next }) }, 'Next names')),
  );
}

function Crumbs({ bucket, prefix }) {
  const parts = prefix.split('/').slice(0, -1);
  const links = [
    h('a', { key: '', href: levelOf(bucket, '') }, `s3://${bucket}/`),
    ...parts.map((part, index) => {
      const below = `${parts.slice(0, index + 1).join('/')}/`;
      return h('a', { key: below, href: levelOf(bucket, below) }, `${part}/`);
    }),
  ];
  return h('span', { class: 'crumbs' }, links);
}

function prefixCells({ prefix: below, objects, bytes, total }, { bucket, prefix }) {
  const name = below.slice(prefix.length);
  const isKnown = total?.complete && total.bytes > 0;
  const more = total && !total.complete ? 'more than ' : '';
  return [
    h('a', { href: levelOf(bucket, below) }, name),
    isKnown
      ? h(Share, { share: Math.min(1, bytes / total.bytes), label: `Share of ${name} that is cached` })
      : '–',
    formatSize(bytes),
    total ? `${formatCount(objects)} of ${more}${formatCount(total.objects)}` : formatCount(objects),
    total ? `${more}${formatSize(total.bytes)}` : '–',
    '',
  ];
}

function objectCells({ key, sizeBytes, cachedBytes, fresh }, { bucket, prefix }) {
  const name = key.slice(prefix.length) || key;
  return [
    h('a', { href: linkTo('objects', { bucket, object: key }) }, name),
    h(Share, {
      share: sizeBytes > 0 ? cachedBytes / sizeBytes : 0,
      label: `Share of ${name} that is cached`,
    }),
    formatSize(cachedBytes),
    '',
    formatSize(sizeBytes),
    fresh ? h(Badge, { kind: 'good' }, 'fresh') : '',
  ];
}
