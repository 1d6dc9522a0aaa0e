/** What is asked for most. */
import { h } from 'preact';
import { useAsked } from '../api.js';
import { formatCount, formatSize } from '../format.js';
import { Card, Gaps, Table, Waiting } from '../parts.js';
import { linkTo } from '../route.js';

const columns = ['Name', { name: 'Requests', number: true }, { name: 'Bytes', number: true }];

export function Hot() {
  const asked = useAsked('/api/v1/hot', 3000);
  const { data, error } = asked;
  if (!data) return h(Waiting, { error });
  return h(
    'div',
    { class: 'stack' },
    h(Gaps, { asked }),
    h(
      'p',
      { class: 'quiet' },
      'Of about the last half hour, the latest minutes weighing most. Of busy gateways the counts are estimates.',
    ),
    h(
      Card,
      { title: 'Objects' },
      h(Table, { label: 'Hot objects', columns, rows: rowsOf(data.objects, objectLink) }),
    ),
    h(
      Card,
      { title: 'Prefixes' },
      h(Table, {
        label: 'Hot prefixes',
        columns,
        rows: rowsOf(data.prefixes, (keys) => linkTo('objects', { keys })),
      }),
    ),
  );
}

function objectLink(name) {
  const [, bucket, object] = /^s3:\/\/([^/]+)\/(.*)$/s.exec(name);
  return linkTo('objects', { bucket, object });
}

function rowsOf(names, link) {
  return names.map(({ name, count, bytes }) => ({
    key: name,
    cells: [h('a', { href: link(name) }, name), formatCount(count), formatSize(bytes)],
  }));
}
