/** What is mounted, how each mount does, and mounting another. */
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { useAsked } from '../api.js';
import { formatCount, formatSize, formatSpan } from '../format.js';
import { Field, PostForm, RowButton, useAction } from '../forms.js';
import { Badge, Card, Confirm, Failure, Gaps, Table, Waiting } from '../parts.js';
import { linkTo } from '../route.js';

const columns = [
  'Mount',
  'State',
  { name: 'Quota', number: true },
  { name: 'Served', number: true },
  { name: 'UFS read', number: true },
  { name: 'UFS requests', number: true },
  { name: 'Failed', number: true },
  { name: 'Amplification', number: true },
  'Action',
];

export function Mounts() {
  const { data: mounts, error, reload } = useAsked('/api/v1/mounts', 5000);
  const asked = useAsked('/api/v1/mounts/usage', 5000);
  const { data: usage = [] } = asked;
  const [leaving, setLeaving] = useState();
  const [act, failure] = useAction(reload);
  if (!mounts) return h(Waiting, { error });
  const unmount = (isSure) => {
    setLeaving(undefined);
    if (isSure) void act(`/api/v1/mounts?path=${encodeURIComponent(leaving)}`, { method: 'DELETE' });
  };
  const rows = mounts.map((mount) => ({
    key: mount.path,
    cells: cellsOf(
      mount,
      usage.find(({ path }) => path === mount.path),
      () => setLeaving(mount.path),
    ),
  }));
  return h(
    'div',
    { class: 'stack' },
    h(Failure, { error: failure || error }),
    h(Gaps, { asked }),
    h(Card, null, h(Table, { label: 'Mounts', columns, rows, stacks: true, empty: 'Nothing is mounted.' })),
    h(Card, { title: 'Mount a UFS' }, h(NewMount, { onMounted: reload })),
    h(Confirm, {
      ...{ asked: leaving, title: `Unmount ${leaving}?`, action: 'Unmount', onDone: unmount },
      text: 'Clients do not see its objects any more. Nothing of the UFS is touched, and pages stay until they are evicted.',
    }),
  );
}

function cellsOf(mount, usage, onUnmount) {
  const terms = [
    mount.freshness === 'ttl' ? `ttl ${formatSpan(mount.ttlMs)}` : mount.freshness,
    mount.readOnly ? 'read only' : 'read, write',
    mount.anonymous === 'read' && 'public read',
  ];
  const figure = (name, format) => (usage ? format(usage[name]) : '');
  const browse = mount.path.includes('{') ? undefined : linkTo('objects', { keys: `s3:/${mount.path}/` });
  return [
    h(
      'div',
      { class: 'long' },
      browse ? h('a', { href: browse }, mount.path) : h('code', null, mount.path),
      h('div', { class: 'quiet' }, h('code', null, mount.uri)),
      h('div', { class: 'quiet' }, terms.filter(Boolean).join(' · ')),
    ),
    h(Circuit, { state: usage?.circuit }),
    mount.quotaBytes === undefined ? 'none' : formatSize(mount.quotaBytes),
    figure('servedBytes', formatSize),
    figure('ufsBytes', formatSize),
    figure('ufsRequests', formatCount),
    figure('ufsFailed', formatCount),
    usage?.amplification === undefined ? '–' : usage.amplification.toFixed(2),
    h(RowButton, { text: 'Unmount', label: `Unmount ${mount.path}`, onClick: onUnmount }),
  ];
}

function Circuit({ state }) {
  if (state === 'open') return h(Badge, { kind: 'bad' }, 'UFS does not answer');
  if (state === 'trying') return h(Badge, { kind: 'warn' }, 'trying again');
  return h(Badge, { kind: 'good' }, 'ok');
}

function NewMount({ onMounted }) {
  const textOf = (form, name) => String(form.get(name)).trim();
  return h(
    PostForm,
    {
      ...{ path: '/api/v1/mounts', action: 'Mount' },
      onDone: (form) => {
        form.reset();
        onMounted();
      },
      bodyOf: (form) => ({ path: textOf(form, 'path'), ufs: textOf(form, 'ufs') }),
    },
    h(Field, { label: 'Path', name: 'path', placeholder: '/lake' }),
    h(Field, {
      ...{ label: 'UFS URI', name: 'ufs', grow: true },
      placeholder: 's3://bucket?region=us-east-1&credentials=env:LAKE&freshness=ttl&ttl=60s',
    }),
  );
}
