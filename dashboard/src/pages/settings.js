/** All settings with their values; those that may change while Forebay runs are changed here. */
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { useAsked } from '../api.js';
import { formatMoment } from '../format.js';
import { useAction } from '../forms.js';
import { Badge, Card, Failure, Table, Waiting } from '../parts.js';

export function Settings() {
  const { data: settings, error, reload } = useAsked('/api/v1/settings', 10_000);
  const { data: changes = [] } = useAsked('/api/v1/audit', 10_000);
  const [wanted, setWanted] = useState('');
  const [act, failure] = useAction(reload);
  if (!settings) return h(Waiting, { error });
  const change = (key, init) => act(`/api/v1/settings/${encodeURIComponent(key)}`, init);
  const words = wanted.toLowerCase();
  const found = settings.filter(({ key, help }) => `${key} ${help}`.toLowerCase().includes(words));
  const row = (setting) => ({ key: setting.key, cells: cellsOf(setting, change) });
  const dynamic = found.filter((setting) => setting.dynamic);
  const fixed = found.filter((setting) => !setting.dynamic);
  const columns = ['Setting', 'Value', 'Meaning'];
  return h(
    'div',
    { class: 'stack' },
    h(
      'label',
      null,
      'With the words',
      h('input', { value: wanted, onInput: (event) => setWanted(event.target.value) }),
    ),
    h(Failure, { error: failure || error }),
    h(
      Card,
      { title: 'May change now' },
      h(Table, {
        label: 'Settings that may change now',
        stacks: true,
        columns,
        rows: dynamic.map(row),
        empty: 'None.',
      }),
    ),
    h(
      Card,
      { title: 'Set at the start' },
      h(Table, {
        label: 'Settings of the start',
        stacks: true,
        columns,
        rows: fixed.map(row),
        empty: 'None.',
      }),
    ),
    h(Card, { title: 'Changes' }, h(Changes, { changes })),
  );
}

function cellsOf(setting, change) {
  const { key, value, secret, dynamic, origin, help, allowed } = setting;
  const shown = secret ? h('span', { class: 'quiet' }, 'secret') : h('code', null, value ?? '–');
  return [
    h('code', null, key),
    dynamic ? h(Value, { key: `${key} ${value}`, setting, change }) : shown,
    h(
      'span',
      null,
      help,
      h('span', { class: 'quiet' }, ` Allowed: ${allowed}.`),
      origin === 'runtime' && h(Badge, { kind: 'warn' }, 'changed'),
    ),
  ];
}

function Value({ setting: { key, value = '', origin }, change }) {
  const [text, setText] = useState(value);
  const submit = (event) => {
    event.preventDefault();
    void change(key, { method: 'PUT', body: { value: text } });
  };
  return h(
    'form',
    { class: 'row', onSubmit: submit },
    h('input', {
      value: text,
      placeholder: 'as at the start',
      'aria-label': `Value of ${key}`,
      spellcheck: false,
      onInput: (event) => setText(event.target.value),
    }),
    h(
      'button',
      { type: 'submit', class: 'plain', disabled: text === value, 'aria-label': `Set ${key}` },
      'Set',
    ),
    origin === 'runtime' &&
      h(
        'button',
        {
          type: 'button',
          class: 'plain',
          'aria-label': `Take back ${key}`,
          onClick: () => change(key, { method: 'DELETE' }),
        },
        'Take back',
      ),
  );
}

/** Of everything that was changed by the admin API, not of settings alone. */
function Changes({ changes }) {
  const rows = changes.map(({ at, by, action, target, before, after }, index) => ({
    key: index,
    cells: [
      ...[formatMoment(at), by, action],
      ...[h('code', null, target), h(Fact, { fact: before }), h(Fact, { fact: after })],
    ],
  }));
  return h(Table, {
    label: 'Changes',
    columns: ['When', 'Who', 'What', 'Of', 'From', 'To'],
    rows,
    empty: 'None.',
  });
}

function Fact({ fact }) {
  if (fact === undefined) return '–';
  return typeof fact === 'string' ? fact : h('code', null, JSON.stringify(fact));
}
