/** The log as it is written, of all processes. */
import { h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { gather } from '../api.js';
import { formatTime } from '../format.js';
import { Badge, Card, Choice, Gaps } from '../parts.js';

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
  const [member, setMember] = useState('');
  const [wanted, setWanted] = useState('');
  const [stands, setStands] = useState(false);
  const asked = useLines(stands);
  const { lines } = asked;
  const shown = lines.filter(
    (line) =>
      (ranks[line.level] ?? 1) >= ranks[level] &&
      (member === '' || line.member === member) &&
      textOf(line).includes(wanted.toLowerCase()),
  );
  const members = [...new Set(lines.flatMap((line) => line.member ?? []))].sort();
  return h(
    'div',
    { class: 'stack' },
    h(
      'div',
      { class: 'fields' },
      h(Choice, { label: 'Levels shown', options: levels, value: level, onChange: setLevel }),
      members.length > 0 && h(From, { members, member, setMember }),
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
    h(Gaps, { asked }),
    h(
      Card,
      null,
      h(
        'ol',
        { class: 'log scroll', tabIndex: 0, 'aria-label': 'Log lines, the latest first' },
        shown.toReversed().map((line) => h(Line, { key: nameOf(line), line })),
      ),
      shown.length === 0 && h('p', { class: 'quiet' }, 'No lines.'),
    ),
  );
}

function From({ members, member, setMember }) {
  return h(
    'label',
    null,
    'From',
    h(
      'select',
      { value: member, onChange: (event) => setMember(event.target.value) },
      h('option', { value: '' }, 'all of the cluster'),
      members.map((id) => h('option', { key: id, value: id }, id)),
    ),
  );
}

const nameOf = ({ member, pid, number }) => `${member} ${pid}:${number}`;

function Line({ line: { member, pid, time, level, message, fields } }) {
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
    h('span', { class: 'quiet' }, member ?? `process ${pid}`),
  );
}

function textOf({ message, fields }) {
  return `${message} ${JSON.stringify(fields)}`.toLowerCase();
}

/** By time: what one process wrote may come after later lines of another. */
function inTurn(before, more) {
  if (more.length === 0) return before;
  const lines = new Map([...before, ...more].map((line) => [nameOf(line), line]));
  return [...lines.values()]
    .toSorted((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
    .slice(-linesMax);
}

/** All lines since the page was opened, and what was there before; none comes while it `stands`. */
function useLines(stands) {
  const [state, setState] = useState({ lines: [] });
  const next = useRef('');
  useEffect(() => {
    if (stands) return undefined;
    let timer;
    const left = new AbortController();
    const poll = async () => {
      try {
        const after = encodeURIComponent(next.current);
        const { data, unanswered } = await gather(`/api/v1/logs?after=${after}`, { signal: left.signal });
        next.current = data.next;
        setState(({ lines }) => ({ lines: inTurn(lines, data.lines), unanswered }));
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
