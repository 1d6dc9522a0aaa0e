/** What clients get, and what the cache saves. */
import { clusterVariable, type Dashboard, of, quantile, query, type Row, rate } from './dashboard.ts';

const served = `sum(${rate('forebay_bytes_served_total')})`;
const servedFromUfs = `sum(${rate('forebay_bytes_served_total', 'source="ufs"')})`;
const requests = `sum(${rate('forebay_requests_total')})`;
const failures = `(sum(${rate('forebay_requests_total', 'status=~"5.."')}) or vector(0))`;

const now: Row = {
  ...{ title: 'Now', width: 4, height: 4 },
  panels: [
    {
      ...{ title: 'Requests', kind: 'stat', unit: 'reqps' },
      description: 'S3 requests answered, a second.',
      queries: [query(requests)],
    },
    {
      ...{ title: 'Failures on our side', kind: 'stat', unit: 'percentunit' },
      description: 'Answers 5xx of all. Above a hundredth: see the log and the slow requests.',
      queries: [query(`${failures} / (${requests} > 0)`)],
    },
    {
      ...{ title: 'Byte hit ratio', kind: 'stat', unit: 'percentunit' },
      description:
        'Bytes that did not come from a UFS for the request. Low with evictions: more cache helps.',
      queries: [query(`1 - ${servedFromUfs} / (${served} > 0)`)],
    },
    {
      ...{ title: 'Throughput', kind: 'stat', unit: 'Bps' },
      description: 'Bytes of objects handed to clients, a second.',
      queries: [query(served)],
    },
    {
      ...{ title: 'UFS requests', kind: 'stat', unit: 'reqps' },
      description: 'Requests to all UFSs, a second: what the store bills.',
      queries: [query(`sum(${rate('forebay_ufs_requests_total')})`)],
    },
    {
      ...{ title: 'Alerts', kind: 'stat', unit: 'short' },
      description: 'Rules of forebay.rules.yml that fire now.',
      queries: [query('sum(ALERTS{alertname=~"Forebay.*", alertstate="firing"}) or vector(0)')],
    },
  ],
};

const traffic: Row = {
  ...{ title: 'Requests', width: 12, height: 8 },
  panels: [
    {
      ...{ title: 'By operation', unit: 'reqps', stacked: true },
      description: 'S3 requests answered, by operation.',
      queries: [query(`sum by (op) (${rate('forebay_requests_total')})`, '{{op}}')],
    },
    {
      ...{ title: 'By x-cache', unit: 'reqps', stacked: true },
      description:
        'GET and HEAD of objects by what the cache had. Many REVALIDATED: a longer ttl saves requests.',
      queries: [query(`sum by (cache) (${rate('forebay_requests_total', 'cache!="none"')})`, '{{cache}}')],
    },
    {
      ...{ title: 'Time of GetObject', unit: 's' },
      description: 'From the request head to the last byte of the answer. Slow clients count.',
      queries: [0.5, 0.9, 0.99].map((share) =>
        query(
          quantile(share, 'op', 'forebay_request_duration_seconds', 'op="GetObject"'),
          `${share * 100} %`,
        ),
      ),
    },
    {
      ...{ title: 'Time of all operations, 99 %', unit: 's' },
      description: 'Of a hundred requests the slowest one, by operation.',
      queries: [query(quantile(0.99, 'op', 'forebay_request_duration_seconds'), '{{op}}')],
    },
    {
      ...{ title: 'Errors', unit: 'reqps' },
      description: 'Answers 4xx and 5xx by status. 503: too many requests, or a UFS that does not answer.',
      queries: [
        query(`sum by (status) (${rate('forebay_requests_total', 'status=~"4..|5.."')})`, '{{status}}'),
      ],
    },
    {
      ...{ title: 'Refused, or cut short', unit: 'reqps' },
      description: 'Requests refused before any work, and answers that ended short, by reason.',
      queries: [
        query(`sum by (reason) (${rate('forebay_requests_refused_total')})`, 'refused: {{reason}}'),
        query(`sum by (reason) (${rate('forebay_answers_cut_total')})`, 'cut: {{reason}}'),
      ],
    },
    {
      ...{ title: 'Lines missing in the access log', unit: 'short' },
      description: 'A second. The disk of the log is full or slow; requests do not wait for it.',
      queries: [query(rate('forebay_access_log_dropped_total'), '{{instance}}')],
    },
    {
      ...{ title: 'Requests under way', unit: 'short' },
      description: 'Of each process, and its limit: beyond it new ones get 503.',
      queries: [
        query(of('forebay_requests_in_flight'), '{{instance}}'),
        query(`min(${of('forebay_requests_in_flight_max')})`, 'limit'),
      ],
    },
    {
      ...{ title: 'Connections', unit: 'short' },
      description: 'Of clients, of each process, and the limit: beyond it new ones are closed.',
      queries: [
        query(of('forebay_connections'), '{{instance}}'),
        query(`min(${of('forebay_connections_max')})`, 'limit'),
      ],
    },
  ],
};

const savings: Row = {
  ...{ title: 'What the cache does', width: 12, height: 8 },
  panels: [
    {
      ...{ title: 'Bytes to clients by source', unit: 'Bps', stacked: true },
      description: 'A rising share of ufs: the cache is too small, or the data is new.',
      queries: [query(`sum by (source) (${rate('forebay_bytes_served_total')})`, '{{source}}')],
    },
    {
      ...{ title: 'Hit ratios', unit: 'percentunit', max: 1 },
      description: 'By bytes, by pages, and by lookups of info.',
      queries: [
        query(`1 - ${servedFromUfs} / (${served} > 0)`, 'bytes'),
        query(
          `sum(${rate('forebay_page_reads_total', 'result="hit"')}) / ` +
            `(sum(${rate('forebay_page_reads_total')}) > 0)`,
          'pages',
        ),
        query(
          `1 - sum(${rate('forebay_info_reads_total', 'result="ufs"')}) / ` +
            `(sum(${rate('forebay_info_reads_total')}) > 0)`,
          'info',
        ),
      ],
    },
    {
      ...{ title: 'To clients, and from and to the UFS', unit: 'Bps' },
      description: 'The distance between the first two is what the cache saves.',
      queries: [
        query(served, 'to clients'),
        query(`sum(${rate('forebay_ufs_bytes_total')})`, 'from the UFS'),
        query(`sum(${rate('forebay_ufs_written_bytes_total')})`, 'written to the UFS'),
      ],
    },
    {
      ...{ title: 'Evictions', unit: 'short' },
      description: 'Pages a second by reason. Steady disk evictions with a low hit ratio: give more cache.',
      queries: [query(`sum by (reason) (${rate('forebay_evictions_total')})`, '{{reason}}')],
    },
  ],
};

export const overview: Dashboard = {
  ...{ uid: 'forebay-overview', title: 'Forebay / Overview' },
  description: 'What clients get, and what the cache saves.',
  variables: [clusterVariable],
  rows: [now, traffic, savings],
};
