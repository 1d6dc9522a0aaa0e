/** What the OpenAPI document says of charts and figures. */
import { answer, count, error, objectOf, query, ref, text } from './openapi-parts.ts';

const listOf = (items: object) => ({ type: 'array', items });
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

export const insightSchemas = {
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
      responses: { 200: answer('The series.', ref('Series')), 400: error('There is no such span.') },
    },
  },
  '/api/v1/mounts/usage': {
    get: {
      summary: 'What each mount did since the start',
      responses: { 200: answer('By mount.', listOf(ref('MountUsage'))) },
    },
  },
};
