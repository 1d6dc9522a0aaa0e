/** What needs somebody, and what to do. */
import { h } from 'preact';
import { useAsked } from '../api.js';
import { Badge, Card, Gaps, Waiting } from '../parts.js';

const kinds = { critical: 'bad', warning: 'warn' };

export function Alerts() {
  const asked = useAsked('/api/v1/alerts', 5000);
  const { data: alerts, error } = asked;
  if (!alerts) return h(Waiting, { error });
  return h(
    'div',
    { class: 'stack' },
    h(Gaps, { asked }),
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
