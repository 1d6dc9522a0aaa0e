/** The OpenAPI document of the admin API. A test holds it against the routes. */
import { cachingPaths, cachingSchemas } from './openapi-caching.ts';
import { insightPaths, insightSchemas } from './openapi-insight.ts';
import { jobPaths, jobSchemas } from './openapi-jobs.ts';
import { nodePaths, nodeSchemas } from './openapi-nodes.ts';
import { objectSchemas } from './openapi-objects.ts';
import { answer, count, error, gathered, jsonOf, objectOf, query, ref, text } from './openapi-parts.ts';
import { settingPaths, settingSchemas } from './openapi-settings.ts';

const mountProperties = {
  path: { ...text, examples: ['/lake'] },
  uri: { ...text, examples: ['s3://lake?endpoint=http://127.0.0.1:7070'] },
  freshness: { enum: ['ttl', 'always', 'immutable'] },
  ttlMs: count,
  listTtlMs: { ...count, description: 'Left out where lists are never kept.' },
  abortUploadsAfterMs: { ...count, description: 'Left out where uploads are never aborted.' },
  staleIfErrorMs: { ...count, description: 'Left out where info is never used after its time.' },
  hedge: { enum: ['off'], description: 'Left out where late reads may be sent a second time.' },
  readOnly: { type: 'boolean' },
  pageSizeBytes: count,
  maxObjectSizeBytes: { ...count, description: 'Left out where unlimited.' },
  quotaBytes: { ...count, description: 'Left out where unlimited.' },
  priority: { enum: ['low', 'normal', 'high'] },
  minUses: count,
  cacheTtlMs: { ...count, description: 'Left out where pages are never dropped for their age.' },
  anonymous: { enum: ['none', 'read'] },
  createdAt: { ...text, format: 'date-time' },
  origin: {
    enum: ['start', 'runtime'],
    description: 'start: by flag or config file; runtime: by this API, and kept',
  },
};
const userProperties = {
  name: { ...text, examples: ['reader'] },
  accessKey: text,
  policies: { type: 'array', items: { type: 'object' }, description: "In S3's own policy language." },
  createdAt: { ...text, format: 'date-time' },
  origin: {
    enum: ['start', 'runtime'],
    description: 'start: of the config file; runtime: by this API, and kept',
  },
};
const leftOut = [
  ...['listTtlMs', 'abortUploadsAfterMs', 'staleIfErrorMs', 'hedge'],
  ...['maxObjectSizeBytes', 'quotaBytes', 'cacheTtlMs'],
];
const without = (names: object, ...left: string[]) =>
  Object.keys(names).filter((name) => !left.includes(name));

const directory = {
  node: { ...text, description: 'Of a cluster: whose it is.' },
  path: text,
  state: { enum: ['ok', 'read-only', 'failed'] },
  reason: { ...text, description: 'Why it is not ok.' },
  bytes: count,
  bytesMax: count,
  pages: count,
};
const cacheProperties = {
  pages: count,
  diskBytes: count,
  diskBytesMax: count,
  memoryBytes: count,
  memoryBytesMax: count,
  infoMemoryEntries: count,
  infoPersistentEntries: count,
  fillsInFlight: count,
  fencesOpen: count,
  directories: { type: 'array', items: objectOf(directory, without(directory, 'node', 'reason')) },
};

const schemas = {
  Error: objectOf({ error: objectOf({ code: text, message: text }) }),
  Mount: objectOf(mountProperties, without(mountProperties, ...leftOut)),
  NewMount: objectOf({ path: text, ufs: text, options: { type: 'object', additionalProperties: text } }, [
    'path',
    'ufs',
  ]),
  User: objectOf(userProperties),
  NewUser: objectOf({ name: text, accessKey: text, policies: userProperties.policies }, ['name']),
  MadeUser: objectOf({ ...userProperties, secretKey: { ...text, description: 'In this answer alone.' } }),
  Status: objectOf(
    {
      version: text,
      nodeId: text,
      members: {
        ...objectOf({ active: count, draining: count, joining: count, silent: count, gateways: count }),
        description:
          'Of a cluster: cache nodes by their state, and gateways. Left out where there is one node.',
      },
      endpoint: text,
      startedAt: { ...text, format: 'date-time' },
      uptimeMs: count,
      requests: objectOf({ total: count, failed: count }),
      reads: { type: 'object', additionalProperties: count },
      bytesServed: objectOf({ memory: count, disk: count, peer: count, ufs: count }),
      hitRatio: { type: 'number', minimum: 0, maximum: 1 },
      ufs: objectOf({
        requests: count,
        failed: count,
        bytes: count,
        unanswering: { type: 'array', items: text, description: 'Mounts whose UFS does not answer.' },
      }),
      cache: objectOf(cacheProperties),
    },
    [
      'version',
      'nodeId',
      'endpoint',
      'startedAt',
      'uptimeMs',
      'requests',
      'reads',
      'bytesServed',
      'ufs',
      'cache',
    ],
  ),
  ...objectSchemas,
  ...cachingSchemas,
  ...insightSchemas,
  ...jobSchemas,
  ...nodeSchemas,
  ...settingSchemas,
};

const open = { security: [] };
const paths = {
  '/healthz': {
    get: {
      ...open,
      summary: 'Alive',
      responses: { 200: answer('The process answers.', objectOf({ status: text })) },
    },
  },
  '/readyz': {
    get: {
      ...open,
      summary: 'Can serve',
      responses: {
        200: answer('Requests are served.', objectOf({ status: text })),
        503: answer('Not now.', objectOf({ status: text, reasons: { type: 'array', items: text } })),
      },
    },
  },
  '/metrics': {
    get: {
      summary: 'Metrics in Prometheus text format; the token of metrics opens them as well',
      responses: { 200: { description: 'Metrics.', content: { 'text/plain': { schema: text } } } },
    },
  },
  '/api/v1/openapi.json': {
    get: {
      ...open,
      summary: 'This document',
      responses: { 200: answer('OpenAPI 3.1.', { type: 'object' }) },
    },
  },
  '/api/v1/status': {
    get: { summary: 'Counters and cache usage', responses: { 200: gathered('Status.', ref('Status')) } },
  },
  '/api/v1/mounts': {
    get: { summary: 'Mounts', responses: { 200: answer('Mounts.', { type: 'array', items: ref('Mount') }) } },
    post: {
      summary: 'Mount a UFS; kept across restarts',
      requestBody: { required: true, content: jsonOf(ref('NewMount')) },
      responses: {
        201: answer('Mounted.', ref('Mount')),
        400: error('The mount is not allowed.'),
        409: error('The path is mounted already.'),
      },
    },
    delete: {
      summary: 'Unmount',
      parameters: [query('path', 'Mount path')],
      responses: {
        200: answer('Unmounted.', objectOf({ path: text, backAtRestart: { type: 'boolean' } })),
        404: error('Nothing is mounted there.'),
      },
    },
  },
  '/api/v1/users': {
    get: { summary: 'Users', responses: { 200: answer('Users.', { type: 'array', items: ref('User') }) } },
    post: {
      summary: 'Make a user; kept across restarts',
      requestBody: { required: true, content: jsonOf(ref('NewUser')) },
      responses: {
        201: answer('Made, with its secret key.', ref('MadeUser')),
        400: error('Name, access key or a policy is not allowed.'),
        409: error('The name or the access key is taken.'),
      },
    },
    delete: {
      summary: 'Remove a user',
      parameters: [query('name', 'Name of the user')],
      responses: {
        200: answer('Removed.', objectOf({ name: text, backAtRestart: { type: 'boolean' } })),
        404: error('There is no such user.'),
      },
    },
  },
  ...cachingPaths,
  ...insightPaths,
  ...jobPaths,
  ...nodePaths,
  ...settingPaths,
  '/api/v1/objects': {
    get: {
      summary: 'What is cached of an object, and what a read would do now, without asking the UFS',
      parameters: [
        query('bucket', 'Bucket as clients see it'),
        query('key', 'Key as clients see it'),
        { ...query('versionId', 'A version by its id; otherwise the current one'), required: false },
        { ...query('range', 'Of the read: bytes=0-99; otherwise the whole object'), required: false },
        { ...query('method', 'Of the read: GET or HEAD; otherwise GET'), required: false },
      ],
      responses: {
        200: answer('The object.', ref('Object')),
        400: error('The range is none.'),
        404: error('No mount covers the key.'),
      },
    },
  },
};

export function openApi(version: string) {
  return {
    openapi: '3.1.0',
    info: { title: 'Forebay admin API', version },
    security: [{ rootKeyPair: [] }, { token: [] }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        rootKeyPair: { type: 'http', scheme: 'basic' },
        token: { type: 'http', scheme: 'bearer' },
      },
    },
  };
}
