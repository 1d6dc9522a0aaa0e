/** What the OpenAPI document says of pins and of freeing. */
import { answer, count, error, jsonOf, objectOf, query, ref, text } from './openapi-parts.ts';

const keys = {
  ...text,
  examples: ['s3://lake/hot/'],
  description:
    's3://bucket: all keys; .../prefix/: those below; .../name: it and those below; .../text*: all so',
};
const flag = { type: 'boolean' };

const freed = {
  keys,
  dryRun: flag,
  pages: count,
  bytes: count,
  pinnedPages: { ...count, description: 'Left, because they are pinned.' },
  pinnedBytes: count,
  silent: {
    type: 'array',
    items: objectOf({ nodeId: text, reason: text }),
    description: 'Nodes of a cluster that did not do it, and keep what they have. Left out where none.',
  },
  done: { ...flag, description: 'True in the last line.' },
};

export const cachingSchemas = {
  Pin: objectOf(
    {
      keys,
      pinnedAt: { ...text, format: 'date-time' },
      origin: { enum: ['start', 'runtime'], description: 'start: a rule; runtime: by this API, and kept' },
    },
    ['keys', 'origin'],
  ),
  Freed: objectOf(freed, ['keys', 'dryRun', 'pages', 'bytes', 'pinnedPages', 'pinnedBytes', 'done']),
};

export const cachingPaths = {
  '/api/v1/pins': {
    get: {
      summary: 'Keys whose pages are never evicted',
      responses: { 200: answer('Pins.', { type: 'array', items: ref('Pin') }) },
    },
    post: {
      summary: 'Pin keys; kept across restarts',
      requestBody: { required: true, content: jsonOf(objectOf({ keys })) },
      responses: {
        201: answer('Pinned.', ref('Pin')),
        400: error('The keys are none.'),
        409: error('There are too many.'),
      },
    },
    delete: {
      summary: 'Unpin keys',
      parameters: [query('keys', 'As they were pinned')],
      responses: {
        200: answer('Unpinned.', objectOf({ keys })),
        404: error('They are not pinned.'),
        409: error('A rule, or a pin of more keys, pins them.'),
      },
    },
  },
  '/api/v1/free': {
    post: {
      summary: 'Drop cached pages; the UFS is not asked. Lines of JSON: progress, then the result',
      requestBody: {
        required: true,
        content: jsonOf(objectOf({ keys, pinned: flag, dryRun: flag }, ['keys'])),
      },
      responses: {
        200: {
          description: 'Lines, the last with "done": true, or {"error"} where it failed.',
          content: { 'application/x-ndjson': { schema: ref('Freed') } },
        },
        400: error('The keys are none.'),
      },
    },
  },
};
