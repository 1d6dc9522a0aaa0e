/** What the OpenAPI document says of charts and figures. */
import { count, error, gathered, objectOf, query, ref, text } from './openapi-parts.ts';

const listOf = (items: object) => ({ type: 'array', items });
const flag = { type: 'boolean' };
const numbers = listOf({ type: 'number' });
const ratios = listOf({ type: ['number', 'null'] });

const series = {
  span: { enum: ['hour', 'day', 'week'] },
  stepMs: count,
  atMs: { ...numbers, description: 'Ms since the epoch; values are of the time from the point before.' },
  requestsPerSecond: numbers,
  failedPerSecond: numbers,
  hitRatio: { ...ratios, description: 'Of reads answered from the cache; null without reads.' },
  byteHitRatio: { ...ratios, description: 'Of bytes served without the UFS; null without bytes.' },
  bytesPerSecond: objectOf({ memory: numbers, disk: numbers, peer: numbers, ufs: numbers }),
  ufsRequestsPerSecond: numbers,
  ufsFailedPerSecond: numbers,
  ufsBytesPerSecond: numbers,
  evictionsPerSecond: numbers,
  latencyMs: objectOf({ p50: ratios, p95: ratios, p99: ratios }),
  inFlight: numbers,
  diskBytes: numbers,
  memoryBytes: numbers,
  avoided: {
    ...objectOf({ requests: count, bytes: count }),
    description: 'Of the whole span: what reads would have asked of the UFS, less what was asked of it.',
  },
};
const mountUsage = {
  path: text,
  ufsRequests: count,
  ufsFailed: count,
  ufsBytes: count,
  servedBytes: count,
  amplification: { type: 'number', description: 'UFS bytes to served bytes, over the last minute.' },
  circuit: { enum: ['closed', 'trying', 'open'] },
};

const group = { objects: count, pages: count, bytes: count };
const prefix = {
  prefix: text,
  ...group,
  total: {
    ...objectOf({ objects: count, bytes: count, complete: flag }),
    description: 'Of the UFS; left out where nobody counted, incomplete where there are more.',
  },
};
const browsed = {
  key: text,
  sizeBytes: count,
  lastModified: { ...text, format: 'date-time' },
  cachedBytes: count,
  cachedPages: count,
  pages: count,
  fresh: flag,
};
const browse = {
  bucket: text,
  prefix: text,
  prefixes: listOf(objectOf(prefix, ['prefix', ...Object.keys(group)])),
  objects: listOf(objectOf(browsed)),
  next: { ...text, description: 'To go on after; left out at the end.' },
  complete: { ...flag, description: 'False: more is stored than was looked through.' },
};
const pageMap = {
  pageSizeBytes: count,
  total: count,
  cached: count,
  cachedBytes: count,
  pagesPerCell: count,
  memory: { ...listOf(count), description: 'Pages of each cell that are in memory.' },
  disk: listOf(count),
  placement: {
    ...objectOf({
      pagesPerSegment: count,
      owners: { ...listOf(count), description: 'Of each segment, as a place in nodes.' },
      nodes: listOf(objectOf({ id: text, pages: count, copies: count })),
    }),
    description: 'Of a cluster: pages count at the owner of their segment; what others have are copies.',
  },
};

const slow = {
  id: { ...text, description: 'x-amz-request-id' },
  trace: { ...text, description: 'Id of the trace, of a request that was traced.' },
  at: { ...text, format: 'date-time' },
  operation: text,
  bucket: text,
  key: text,
  range: text,
  status: count,
  code: text,
  cache: text,
  gateway: { ...text, description: 'Who answered it; left out where there is one.' },
  bytes: count,
  durationMs: { type: 'number' },
  waitMs: { type: 'number', description: 'Until the answer began.' },
  reasons: { ...listOf(text), description: 'Sentences for people: where the time went.' },
};
const slowAlways = ['id', 'at', 'operation', 'status', 'bytes', 'durationMs', 'waitMs', 'reasons'];
const top = listOf(objectOf({ name: text, count, bytes: count }));
const logLine = {
  member: { ...text, description: 'Node, gateway or registry of a cluster; left out where there is one.' },
  pid: count,
  number: count,
  time: text,
  level: text,
  message: text,
  fields: { type: 'object' },
};
const logLineAlways = Object.keys(logLine).filter((name) => name !== 'member');

const point = {
  cacheBytes: count,
  hitRatio: { type: 'number', description: 'Of page reads.' },
  byteHitRatio: { type: 'number', description: 'Of their bytes.' },
};
const curve = {
  reads: { ...count, description: 'Page reads that it is made of; older ones weigh less.' },
  cacheBytes: { ...count, description: 'The size of the cache now.' },
  points: { ...listOf(objectOf(point)), description: 'As an LRU cache of each size would answer.' },
};

const alert = {
  name: { ...text, description: 'The condition: the same each time it holds.' },
  subject: { ...text, description: 'Whose: a mount, a directory; empty where it is about all.' },
  severity: { enum: ['critical', 'warning'] },
  title: text,
  advice: text,
};

export const insightSchemas = {
  Alert: objectOf(alert),
  Curve: objectOf(curve),
  Slow: objectOf(slow, slowAlways),
  Hot: objectOf({ objects: top, prefixes: top }),
  Logs: objectOf({ lines: listOf(objectOf(logLine, logLineAlways)), next: text }),
  Browse: objectOf(
    browse,
    Object.keys(browse).filter((name) => name !== 'next'),
  ),
  PageMap: objectOf(
    pageMap,
    Object.keys(pageMap).filter((name) => name !== 'placement'),
  ),
  Series: objectOf(series),
  MountUsage: objectOf(
    mountUsage,
    Object.keys(mountUsage).filter((name) => name !== 'amplification'),
  ),
};

export const insightPaths = {
  '/api/v1/series': {
    get: {
      summary: 'How the figures went over time',
      parameters: [{ ...query('span', 'hour, day or week; otherwise hour'), required: false }],
      responses: { 200: gathered('The series.', ref('Series')), 400: error('There is no such span.') },
    },
  },
  '/api/v1/hot': {
    get: {
      summary: 'Objects and prefixes that are asked for most, of about the last half hour; counts are near',
      responses: { 200: gathered('The most frequent first.', ref('Hot')) },
    },
  },
  '/api/v1/slow': {
    get: {
      summary: 'The slowest requests of the last hour, and why',
      responses: { 200: gathered('The slowest first.', listOf(ref('Slow'))) },
    },
  },
  '/api/v1/logs': {
    get: {
      summary: 'The latest log lines of all processes, or those after the last answer',
      parameters: [{ ...query('after', 'What the last answer had as next'), required: false }],
      responses: { 200: gathered('Lines.', ref('Logs')), 400: error('That was no next.') },
    },
  },
  '/api/v1/curve': {
    get: {
      summary: 'How the hit ratio would be with caches of other sizes, from sampled reads',
      responses: { 200: gathered('The curve.', ref('Curve')) },
    },
  },
  '/api/v1/alerts': {
    get: {
      summary: 'What needs somebody now, and what to do',
      responses: { 200: gathered('The worst first.', listOf(ref('Alert'))) },
    },
  },
  '/api/v1/browse': {
    get: {
      summary: 'One level of the namespace, and what share of each name is cached; asks the UFS for lists',
      parameters: [
        query('keys', 's3://bucket/prefix/ as clients see it'),
        { ...query('after', 'Names after this one; otherwise from the beginning'), required: false },
      ],
      responses: {
        200: gathered('The level.', ref('Browse')),
        400: error('The keys are none.'),
        404: error('No mount has the bucket.'),
      },
    },
  },
  '/api/v1/objects/pages': {
    get: {
      summary: 'Which pages of an object are cached, without asking the UFS',
      parameters: [query('bucket', 'Bucket as clients see it'), query('key', 'Key as clients see it')],
      responses: {
        200: gathered('The pages.', ref('PageMap')),
        404: error('Nothing is known of the object, or no mount covers it.'),
      },
    },
  },
  '/api/v1/mounts/usage': {
    get: {
      summary: 'What each mount did since the start',
      responses: { 200: gathered('By mount.', listOf(ref('MountUsage'))) },
    },
  },
};
