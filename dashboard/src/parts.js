/** What all pages are made of. */
import { h } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

export function Card({ title, extra, wide, children }) {
  return h(
    'section',
    { class: wide ? 'card wide' : 'card' },
    title && h('div', { class: 'card-head' }, h('h2', null, title), extra),
    children,
  );
}

export function Tile({ title, figure, note, id }) {
  return h(
    'div',
    { class: 'card tile' },
    h('h2', null, title),
    h('p', { class: 'figure', id }, figure),
    h('p', { class: 'quiet' }, note),
  );
}

/**
 * `columns` are names, or `{name, number: true}`; a cell is text or an element. `rows` have keys. One that
 * `stacks` has each row as a block where there is no room for its columns.
 */
export function Table({ label, columns, rows, stacks, empty = 'Nothing yet.' }) {
  if (rows.length === 0) return h('p', { class: 'quiet' }, empty);
  const of = columns.map((column) => (typeof column === 'string' ? { name: column } : column));
  const kind = (index) => (of[index]?.number ? 'number' : undefined);
  return h(
    'div',
    // Wide tables scroll sideways: with the keyboard too.
    { class: stacks ? 'scroll stacks' : 'scroll', tabIndex: 0, role: 'region', 'aria-label': label },
    h(
      'table',
      { role: 'table' },
      h(
        'thead',
        null,
        h(
          'tr',
          null,
          of.map(({ name }, index) => h('th', { scope: 'col', class: kind(index) }, name)),
        ),
      ),
      h(
        'tbody',
        { role: 'rowgroup' },
        rows.map(({ key, cells }) =>
          h(
            'tr',
            { key, role: 'row' },
            cells.map((cell, index) =>
              h('td', { class: kind(index), role: 'cell', 'data-name': of[index]?.name }, cell),
            ),
          ),
        ),
      ),
    ),
  );
}

export function Pairs({ pairs }) {
  return h(
    'dl',
    null,
    pairs.flatMap(([name, value]) => [h('dt', { key: `${name}?` }, name), h('dd', { key: name }, value)]),
  );
}

export function Meter({ label, value, max, text }) {
  const share = max > 0 ? Math.min(1, value / max) : 0;
  return h(
    'div',
    { class: 'meter' },
    h('span', null, label),
    h('progress', { value: share, max: 1, 'aria-label': label }),
    h('span', { class: 'quiet' }, text),
  );
}

/** A share as a small bar and its number. */
export function Share({ share, label }) {
  const percent = `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
  return h(
    'span',
    { class: 'share' },
    h('progress', { value: share, max: 1, 'aria-label': label }),
    h('span', null, percent),
  );
}

export function Failure({ error }) {
  return error ? h('p', { class: 'bad', role: 'alert' }, error) : null;
}

/** What stands above figures that may not be all: `asked` is of `useAsked`. */
export function Gaps({ asked: { error, unanswered = [] } }) {
  return [
    h(Failure, { key: 'error', error }),
    unanswered.length > 0 &&
      h(
        'p',
        { key: 'gaps', class: 'notice', role: 'status' },
        `Without what ${listed(unanswered)} would tell: no answer from there.`,
      ),
  ];
}

const listedMax = 4;

function listed(names) {
  if (names.length > listedMax) return `${names.length} nodes and gateways`;
  return names.length === 1 ? names[0] : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** Where there is nothing to show yet, or why. */
export function Waiting({ error }) {
  return error ? h(Failure, { error }) : h('p', { class: 'quiet', role: 'status' }, 'Loading…');
}

export function Badge({ kind, children }) {
  return h('span', { class: `pill ${kind}` }, children);
}

/** Choices of which one is taken. */
export function Choice({ label, options, value, onChange }) {
  return h(
    'fieldset',
    { class: 'choice' },
    h('legend', null, label),
    options.map(([name, text]) =>
      h(
        'button',
        { key: name, type: 'button', 'aria-pressed': String(name === value), onClick: () => onChange(name) },
        text,
      ),
    ),
  );
}

/** Asks before something is taken away. `asked` is what: undefined where nothing is. */
export function Confirm({ asked, title, text, action, onDone }) {
  const dialog = useRef(null);
  useEffect(() => {
    if (asked !== undefined) dialog.current?.showModal();
  }, [asked]);
  if (asked === undefined) return null;
  return h(
    'dialog',
    {
      ref: dialog,
      'aria-labelledby': 'confirm-title',
      onClose: () => onDone(dialog.current?.returnValue === 'yes'),
    },
    h(
      'form',
      { method: 'dialog' },
      h('h2', { id: 'confirm-title' }, title),
      h('p', null, text),
      h(
        'div',
        { class: 'row' },
        h('button', { value: 'no', class: 'plain' }, 'Cancel'),
        h('button', { value: 'yes', class: 'danger' }, action),
      ),
    ),
  );
}
