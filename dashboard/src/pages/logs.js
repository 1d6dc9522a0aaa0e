/** The log as it is written, of all processes. */
import { h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask } from '../api.js';
import { formatTime } from '../format.js';
import { Badge, Card, Choice, Failure } from '../parts.js';

const everyMs = 1500;
const linesMax = 1000;
const ranks = { debug: 0, info: 1, warn: 2, error: 3 };
const levels = [
  ['debug', 'All'],
  ['info', 'Info'],
  ['warn', 'Warnings'],
  ['error', 'Errors'],
];
const kinds = { warn: 'warn', error: 'bad' };

export function Logs() {
  const [level, setLevel] = useState('debug');
  const [wanted, setWanted] = useState('');
  const [stands, setStands] = useState(false);
  const { lines, error } = useLines(stands);
  const shown = lines.filter(
    (line) => (ranks[line.level] ?? 1) >= ranks[level] && textOf(line).includes(wanted.toLowerCase()),
  );
  return h(
    'div',
    { class: 'stack' },
    h(
      'div',
      { class: 'fields' },
      h(Choice, { label: 'Levels shown', options: levels, value: level, onChange: setLevel }),
      h(
        'label',
        { class: 'grow' },
        'With the words',
        h('input', { value: wanted, onInput: (event) => setWanted(event.target.value) }),
      ),
      h(
        'button',
        { type: 'button', class: 'plain', 'aria-pressed': String(stands), onClick: () => setStands(!stands) },
        stands ? 'Go on' : 'Hold',
      ),
    ),
    h(Failure, { error }),
    h(
      Card,
      null,
      h(
        'ol',
        { class: 'log scroll', tabIndex: 0, 'aria-label': 'Log lines, the latest first' },
        shown.toReversed().map((line) => h(Line, { key: `${line.pid}:${line.number}`, line })),
      ),
      shown.length === 0 && h('p', { class: 'quiet' }, 'No lines.'),
    ),
  );
}

function Line({ line: { pid, time, level, message, fields } }) {
  const rest = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`,
  );
  return h(
    'li',
    null,
    h('span', { class: 'quiet' }, time === '' ? '' : formatTime(time)),
    h(Badge, { kind: kinds[level] ?? '' }, level),
    h('span', null, message),
    h('code', null, rest.join(' ')),
    h('span', { class: 'quiet' }, `process ${pid}`),
  );
}

function textOf({ message, fields }) {
  return `${message} ${JSON.stringify(fields)}`.toLowerCase();
}

/** All lines since the page was opened, and what was there before; none comes while it `stands`. */
function useLines(stands) {
  const [state, setState] = useState({ lines: [], error: '' });
  const next = useRef('');
  useEffect(() => {
    if (stands) return undefined;
    let timer;
    const left = new AbortController();
    const poll = async () => {
      try {
        const answer = await ask(`/api/v1/logs?after=${next.current}`, { signal: left.signal });
        next.current = answer.next;
        setState((before) => ({ lines: [...before.lines, ...answer.lines].slice(-linesMax), error: '' }));
      } catch (thrown) {
        if (left.signal.aborted) return;
        setState((before) => ({ ...before, error: thrown.message }));
      }
      if (!left.signal.aborted) timer = setTimeout(poll, everyMs);
    };
    void poll();
    return () => {
      left.abort();
      clearTimeout(timer);
    };
  }, [stands]);
  return state;
}
