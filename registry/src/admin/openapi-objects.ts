/** What the OpenAPI document says of one object. */
import { count, objectOf, text } from './openapi-parts.ts';

const flag = { type: 'boolean' };
const listOf = (items: object) => ({ type: 'array', items });

const place = objectOf(
  { tier: { enum: ['memory', 'packed', 'file'] }, directory: text, node: text, pages: count, bytes: count },
  ['tier', 'pages', 'bytes'],
);
const pages = { cached: count, total: count, cachedBytes: count };
const placedNode = {
  nodeId: text,
  address: text,
  home: flag,
  owned: { ...count, description: 'Segments that it owns, of those that were looked at.' },
  replicated: { ...count, description: 'Segments that are read from it besides, while they are hot.' },
  stored: objectOf({ pages: count, bytes: count, places: listOf(place) }),
  silentBecause: { ...text, description: 'Why it gave no answer.' },
};
const placedSegment = {
  segment: count,
  pages: count,
  owner: text,
  ownerPages: { ...count, description: 'Left out where the owner gave no answer.' },
  replica: text,
  replicaPages: count,
};
const placement = {
  epoch: count,
  settled: flag,
  segmentBytes: count,
  segmentCount: { ...count, description: '0 where the size of the object is not known.' },
  pages: objectOf(pages),
  nodes: listOf(objectOf(placedNode, ['nodeId', 'address', 'home', 'owned', 'replicated'])),
  segments: {
    ...listOf(objectOf(placedSegment, ['segment', 'pages', 'owner'])),
    description: 'At most 256, from that in which the read begins.',
  },
};
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
  elsewhereFrom: {
    ...count,
    description: 'Byte from which on others are read; left out where there is none.',
  },
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
  pages: objectOf({ ...pages, places: listOf(place) }),
  fencesOpen: count,
  unsettled: flag,
  policy: objectOf(policy, ['rule', 'scope', 'priority', 'pinned', 'minUses']),
  forecast: objectOf(forecast, ['certain', 'cache', 'reasons', 'pages', 'ufsRequests']),
  placement: { ...objectOf(placement), description: 'In a cluster: which nodes hold what of it.' },
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
