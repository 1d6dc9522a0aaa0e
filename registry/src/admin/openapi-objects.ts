/** What the OpenAPI document says of one object. */
import { count, objectOf, text } from './openapi-parts.ts';

const flag = { type: 'boolean' };
const listOf = (items: object) => ({ type: 'array', items });

const place = objectOf(
  { tier: { enum: ['memory', 'packed', 'file'] }, directory: text, pages: count, bytes: count },
  ['tier', 'pages', 'bytes'],
);
const policy = {
  rule: { ...text, description: 'Which mount, rule or pin decides.', examples: ['rule s3://lake/hot/'] },
  scope: { ...text, description: 'Whose bytes count against the quota together.' },
  quotaBytes: { ...count, description: 'Left out where unlimited.' },
  scopeBytes: count,
  priority: { enum: ['low', 'normal', 'high'] },
  pinned: flag,
  minUses: count,
  cacheTtlMs: count,
  maxObjectSizeBytes: { ...count, description: 'Left out where unlimited.' },
};
const forecast = {
  certain: {
    ...flag,
    description:
      'False where the UFS decides, or what it is asked is not foretold exactly; `reasons` say why.',
  },
  cache: {
    enum: ['HIT', 'REVALIDATED', 'PARTIAL', 'COALESCED', 'MISS', 'STALE', 'BYPASS'],
    description: 'What x-cache would say.',
  },
  reasons: listOf(text),
  pages: objectOf({ hit: count, total: count }),
  ufsRequests: listOf(
    objectOf({ method: { enum: ['HEAD', 'GET'] }, range: objectOf({ start: count, endExclusive: count }) }, [
      'method',
    ]),
  ),
};
const object = {
  bucket: text,
  key: text,
  mount: text,
  home: text,
  state: { enum: ['cached', 'absent', 'unknown'] },
  sizeBytes: count,
  etag: text,
  versionId: text,
  lastModified: { ...text, format: 'date-time' },
  contentType: text,
  infoLevel: { enum: ['memory', 'persistent', 'none'] },
  fresh: flag,
  ageMs: count,
  freshness: objectOf({ mode: { enum: ['ttl', 'always', 'immutable'] }, ttlMs: count, ttlLeftMs: count }, [
    'mode',
    'ttlMs',
  ]),
  tenure: { enum: ['current', 'earlier'] },
  pageSizeBytes: count,
  pages: objectOf({ cached: count, total: count, cachedBytes: count, places: listOf(place) }),
  fencesOpen: count,
  unsettled: flag,
  policy: objectOf(policy, ['rule', 'scope', 'priority', 'pinned', 'minUses']),
  forecast: objectOf(forecast),
};
const always = [
  'bucket',
  'key',
  'mount',
  'home',
  'state',
  'infoLevel',
  'fresh',
  'freshness',
  'pageSizeBytes',
];

export const objectSchemas = {
  Object: objectOf(object, [...always, 'pages', 'fencesOpen', 'unsettled', 'policy', 'forecast']),
};
