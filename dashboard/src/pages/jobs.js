/** Jobs: what they are at, and their control. */
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { useAsked } from '../api.js';
import { formatCount, formatMoment, formatMoney, formatSize, formatSpan } from '../format.js';
import { Field, PostForm, RowButton, useAction } from '../forms.js';
import { Badge, Card, Confirm, Failure, Pairs, Table, Waiting } from '../parts.js';
import { linkTo } from '../route.js';

const columns = [
  'Job',
  'Keys',
  'State',
  'Progress',
  { name: 'Objects', number: true },
  { name: 'Failed', number: true },
  { name: 'Bytes', number: true },
  'Rate',
  'Control',
];
const kinds = { running: 'good', done: 'good', failed: 'bad', paused: 'warn' };
const over = ['done', 'failed', 'cancelled'];

export function Jobs({ params }) {
  const id = params.get('id');
  return id ? h(Job, { id }) : h(AllJobs);
}

/** Pauses and the like, and what went wrong with that. */
function useControl(onDone) {
  const [act, failure] = useAction(onDone);
  const control = (id, action) => act(`/api/v1/jobs/${encodeURIComponent(id)}/${action}`, { method: 'POST' });
  return [control, failure];
}

function AllJobs() {
  const { data: jobs, error, reload } = useAsked('/api/v1/jobs', 2000);
  const [control, failure] = useControl(reload);
  const [leaving, setLeaving] = useState();
  if (!jobs) return h(Waiting, { error });
  const newest = jobs.toSorted((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  const onDone = (isSure) => {
    setLeaving(undefined);
    if (isSure) void control(leaving, 'cancel');
  };
  const rows = newest.map((job) => ({ key: job.id, cells: cellsOf(job, control, setLeaving) }));
  return h(
    'div',
    { class: 'stack' },
    h(Failure, { error: failure || error }),
    h(Card, null, h(Table, { label: 'Jobs', columns, rows, stacks: true, empty: 'There are no jobs.' })),
    h(Card, { title: 'Begin a job' }, h(NewJob, { onMade: reload })),
    h(Confirm, {
      ...{ asked: leaving, title: `Cancel job ${leaving}?`, action: 'Cancel the job', onDone },
      text: 'What it has done stays done.',
    }),
  );
}

function cellsOf(job, control, onCancel) {
  const { id, kind, keys, manifest, target, state, dryRun, objects, bytes, rate, timeLeftMs } = job;
  const rates = rate
    ? `${formatCount(rate.objectsPerSecond)} objects/s, ${formatSize(rate.bytesPerSecond)}/s`
    : '';
  return [
    h('a', { href: linkTo('jobs', { id }) }, `${kind} ${id}`),
    h(
      'span',
      { class: 'long' },
      h('code', null, keys ?? `manifest ${manifest}`),
      target && ' → ',
      target && h('code', null, target),
    ),
    h('span', null, h(Badge, { kind: kinds[state] ?? '' }, state), dryRun && ' dry run'),
    h(Progress, { job }),
    formatCount(objects.total),
    objects.failed > 0 ? h('strong', { class: 'bad' }, formatCount(objects.failed)) : '0',
    formatSize(bytes.total),
    (rates || timeLeftMs !== undefined) &&
      h(
        'span',
        null,
        rates,
        timeLeftMs !== undefined && h('div', { class: 'quiet' }, `${formatSpan(timeLeftMs)} left`),
      ),
    h(Control, { id, state, control, onCancel }),
  ];
}

function Progress({ job: { expected, objects, state, id } }) {
  if (over.includes(state)) return '';
  if (!expected?.objects) return 'counting';
  const share = Math.min(1, objects.total / expected.objects);
  return h(
    'span',
    { class: 'share' },
    h('progress', { value: share, max: 1, 'aria-label': `Progress of job ${id}` }),
    `${Math.floor(share * 100)} %`,
  );
}

function Control({ id, state, control, onCancel }) {
  if (over.includes(state)) return '';
  const action = state === 'paused' ? ['resume', 'Resume'] : ['pause', 'Pause'];
  const button = (text, onClick) => h(RowButton, { text, label: `${text} job ${id}`, onClick });
  return h(
    'span',
    { class: 'row' },
    button(action[1], () => control(id, action[0])),
    button('Cancel', () => onCancel(id)),
  );
}

function NewJob({ onMade }) {
  const [kind, setKind] = useState('load');
  const isCopy = kind === 'copy' || kind === 'move';
  const bodyOf = (form) => ({
    ...{ kind, keys: String(form.get('keys')).trim(), dryRun: form.has('dryRun') },
    ...(isCopy && { target: String(form.get('target')).trim() }),
  });
  return h(
    PostForm,
    { path: '/api/v1/jobs', bodyOf, action: 'Begin', onDone: onMade },
    h(
      'label',
      null,
      'Kind',
      h(
        'select',
        { value: kind, onChange: (event) => setKind(event.target.value) },
        ['load', 'verify', 'copy', 'move', 'free', 'pin'].map((name) =>
          h('option', { key: name, value: name }, name),
        ),
      ),
    ),
    h(Field, { label: 'Keys', name: 'keys', grow: true, placeholder: 's3://lake/images/' }),
    isCopy && h(Field, { label: 'Target', name: 'target', grow: true, placeholder: 's3://other/images/' }),
    h(
      'label',
      { class: 'check' },
      h('input', { name: 'dryRun', type: 'checkbox' }),
      'Only tell what it would do',
    ),
  );
}

function Job({ id }) {
  const { data: job, error, reload } = useAsked(`/api/v1/jobs/${encodeURIComponent(id)}`, 2000);
  const { data: failed } = useAsked(`/api/v1/jobs/${encodeURIComponent(id)}/failures?limit=200`, 5000);
  const [control, failure] = useControl(reload);
  if (!job) return h(Waiting, { error });
  const { objects, bytes, ufsRequests, cost, state } = job;
  const counts = (of, format) => Object.entries(of).map(([name, value]) => [name, format(value)]);
  const failures = (failed?.failures ?? []).map(({ key, reason }) => ({
    key,
    cells: [h('code', null, key), reason],
  }));
  return h(
    'div',
    { class: 'stack' },
    h(
      'p',
      { class: 'row' },
      h('a', { href: linkTo('jobs') }, 'All jobs'),
      h('code', null, id),
      h(Control, { id, state, control, onCancel: () => control(id, 'cancel') }),
    ),
    h(Failure, { error: failure || error }),
    job.reason && h('p', { class: 'bad' }, job.reason),
    h(
      'div',
      { class: 'halves' },
      h(
        Card,
        { title: `${job.kind}: ${state}` },
        h(Progress, { job }),
        h(Pairs, { pairs: [...factsOf(job), ['Cost', formatMoney(cost, 'USD')]] }),
      ),
      h(Card, { title: 'Objects' }, h(Pairs, { pairs: counts(objects, formatCount) })),
      h(Card, { title: 'Bytes' }, h(Pairs, { pairs: counts(bytes, formatSize) })),
      h(Card, { title: 'Requests to the UFS' }, h(Pairs, { pairs: counts(ufsRequests, formatCount) })),
    ),
    h(
      Card,
      { title: 'Failed keys' },
      h(Table, { label: 'Failed keys', columns: ['Key', 'Why'], rows: failures, empty: 'None.' }),
    ),
  );
}

const momentOf = (time) => (time === undefined ? undefined : formatMoment(time));

function factsOf({ keys, target, replicas, priority, ...job }) {
  const { createdAt, startedAt, endedAt, schedule, nextRunAt, timeLeftMs } = job;
  const facts = [
    ['Keys', keys],
    ['Target', target],
    ['Replicas', replicas],
    ['Priority', priority],
    ['Made', momentOf(createdAt)],
    ['Started', momentOf(startedAt)],
    ['Ended', momentOf(endedAt)],
    ['Schedule', schedule],
    ['Next run', momentOf(nextRunAt)],
    ['Time left', timeLeftMs === undefined ? undefined : formatSpan(timeLeftMs)],
  ];
  return facts.filter(([, value]) => value !== undefined);
}
