/** The UFSs behind the mounts. */
import { clusterVariable, type Dashboard, of, quantile, query, type Row, rate } from './dashboard.ts';

const chosen = 'mount=~"$mount"';
const failed = 'status=~"5..|429|unavailable|error"';

const requests: Row = {
  ...{ title: 'Requests', width: 12, height: 8 },
  panels: [
    {
      ...{ title: 'By mount', unit: 'reqps', stacked: true },
      description: 'What the store bills. Few per request served is what a cache is for.',
      queries: [query(`sum by (mount) (${rate('forebay_ufs_requests_total', chosen)})`, '{{mount}}')],
    },
    {
      ...{ title: 'By operation', unit: 'reqps', stacked: true },
      description: 'Of the chosen mounts. Many head: a longer ttl, or freshness=immutable, saves them.',
      queries: [query(`sum by (op) (${rate('forebay_ufs_requests_total', chosen)})`, '{{op}}')],
    },
    {
      ...{ title: 'Answers that are not ok', unit: 'reqps' },
      description: '404 is a key that is not there; 403 keys or policies; 5xx and unavailable the store.',
      queries: [
        query(
          `sum by (mount, status) (${rate('forebay_ufs_requests_total', 'status!="ok"', chosen)})`,
          '{{mount}} {{status}}',
        ),
      ],
    },
    {
      ...{ title: 'Failures', unit: 'percentunit', max: 1 },
      description: 'The share of requests that the store failed to answer.',
      queries: [
        query(
          `(sum by (mount) (${rate('forebay_ufs_requests_total', failed, chosen)}) or ` +
            `0 * sum by (mount) (${rate('forebay_ufs_requests_total', chosen)})) / ` +
            `(sum by (mount) (${rate('forebay_ufs_requests_total', chosen)}) > 0)`,
          '{{mount}}',
        ),
      ],
    },
    {
      ...{ title: 'Time until the answer, half of the requests', unit: 's' },
      description: 'Retries included. Of reads: until the head.',
      queries: [query(quantile(0.5, 'mount, op', 'forebay_ufs_request_seconds', chosen), '{{mount}} {{op}}')],
    },
    {
      ...{ title: 'Time until the answer, 99 %', unit: 's' },
      description: 'Of a hundred requests the slowest one.',
      queries: [
        query(quantile(0.99, 'mount, op', 'forebay_ufs_request_seconds', chosen), '{{mount}} {{op}}'),
      ],
    },
  ],
};

const bytes: Row = {
  ...{ title: 'Bytes', width: 12, height: 8 },
  panels: [
    {
      ...{ title: 'From the UFS', unit: 'Bps', stacked: true },
      description: 'Bytes of object bodies, by mount.',
      queries: [query(`sum by (mount) (${rate('forebay_ufs_bytes_total', chosen)})`, '{{mount}}')],
    },
    {
      ...{ title: 'To clients', unit: 'Bps', stacked: true },
      description: 'Bytes of cacheable objects, from wherever they came, by mount.',
      queries: [query(`sum by (mount) (${rate('forebay_mount_bytes_served_total', chosen)})`, '{{mount}}')],
    },
    {
      ...{ title: 'Written to the UFS', unit: 'Bps', stacked: true },
      description: 'Bytes of objects and parts that the UFS has taken, by mount.',
      queries: [query(`sum by (mount) (${rate('forebay_ufs_written_bytes_total', chosen)})`, '{{mount}}')],
    },
    {
      ...{ title: 'Read amplification', unit: 'short' },
      description: 'UFS bytes to served bytes over a minute, the worst node; and the bound of the mount.',
      queries: [
        query(`max by (mount) (${of('forebay_read_amplification', chosen)})`, '{{mount}}'),
        query(`max by (mount) (${of('forebay_read_amplification_max', chosen)})`, '{{mount}}: bound'),
      ],
    },
    {
      ...{ title: 'Fills that ended early', unit: 'short' },
      description: 'A second, by reason. Many left: clients read less than they ask for.',
      queries: [query(`sum by (reason) (${rate('forebay_fills_stopped_total')})`, '{{reason}}')],
    },
  ],
};

const health: Row = {
  ...{ title: 'Health', width: 8, height: 7 },
  panels: [
    {
      ...{ title: 'Circuit', unit: 'short', max: 2 },
      description: '0: the UFS is asked; 1: one request tries; 2: it does not answer, and is left alone.',
      queries: [query(`max by (mount) (${of('forebay_ufs_circuit_state', chosen)})`, '{{mount}}')],
    },
    {
      ...{ title: 'Retries', unit: 'reqps' },
      description: 'Reads sent again, by reason. Rising: the UFS is overloaded or the network is bad.',
      queries: [
        query(
          `sum by (mount, reason) (${rate('forebay_ufs_retries_total', chosen)})`,
          '{{mount}} {{reason}}',
        ),
      ],
    },
    {
      ...{ title: 'Hedges', unit: 'reqps' },
      description: 'Reads sent a second time because the first answer was late. Hardly any won: turn it off.',
      queries: [
        query(`sum by (mount, result) (${rate('forebay_ufs_hedges_total', chosen)})`, '{{mount}} {{result}}'),
      ],
    },
    {
      ...{ title: 'Waiting for a connection', unit: 'short' },
      description: 'Above 0 for long: the UFS is slow, or raise ufsConnectionsMax.',
      queries: [query(`sum by (mount) (${of('forebay_ufs_requests_waiting', chosen)})`, '{{mount}}')],
    },
    {
      ...{ title: 'Pages of lists', unit: 'short' },
      description: 'A second, on mounts with listTtl, by result.',
      queries: [
        query(`sum by (mount, result) (${rate('forebay_list_pages_total', chosen)})`, '{{mount}} {{result}}'),
      ],
    },
    {
      ...{ title: 'Abandoned uploads', unit: 'short' },
      description: 'Multipart uploads aborted within a day, because nobody touched them.',
      queries: [
        query(`sum by (mount) (increase(${of('forebay_uploads_aborted_total', chosen)}[1d]))`, '{{mount}}'),
      ],
    },
  ],
};

export const mounts: Dashboard = {
  ...{ uid: 'forebay-mounts', title: 'Forebay / Mounts' },
  description: 'The UFSs behind the mounts: requests, bytes, health.',
  variables: [clusterVariable, { name: 'mount', label: 'Mount', of: 'forebay_ufs_requests_total' }],
  rows: [requests, bytes, health],
};
