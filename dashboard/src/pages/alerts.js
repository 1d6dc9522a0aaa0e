/** What needs somebody, and what to do. */
import { h } from 'preact';
import { useAsked } from '../api.js';
import { Badge, Card, Failure, Waiting } from '../parts.js';

const kinds = { critical: 'bad', warning: 'warn' };

export function Alerts() {
  const { data: alerts, error } = useAsked('/api/v1/alerts', 5000);
  if (!alerts) return error ? h(Failure, { error }) : h(Waiting);
  return h(
    'div',
    { class: 'stack' },
    h(Failure, { error }),
    alerts.length === 0 && h(Card, null, h('p', { id: 'all-well' }, 'All is well.')),
    alerts.map(({ name, subject, severity, title, advice }) =>
      h(
        Card,
        { key: `${name} ${subject}` },
        h('p', { class: 'row' }, h(Badge, { kind: kinds[severity] }, severity), h('strong', null, title)),
        h('p', { class: 'quiet' }, advice),
      ),
    ),
  );
}
