/** What the OpenAPI document says of jobs. */
import { jobKinds, priorities } from '../jobs/job-spec.ts';
import { answer, count, error, jsonOf, objectOf, query, ref, text } from './openapi-parts.ts';

const time = { ...text, format: 'date-time' };
const flag = { type: 'boolean' };
const keys = { ...text, examples: ['s3://lake/hot/'], description: 'As for pins; or a manifest.' };
const id = { name: 'id', in: 'path', required: true, schema: text };
const noJob = error('There is no such job.');
const counts = {
  objects: objectOf({ total: count, loaded: count, skipped: count, failed: count }),
  bytes: objectOf({ total: count, loaded: count, skipped: count, ufs: count }),
  ufsRequests: objectOf({ list: count, read: count }),
};

export const jobSchemas = {
  NewJob: objectOf(
    {
      kind: { enum: jobKinds },
      keys,
      manifest: { ...text, description: 'Id of a manifest that was sent.' },
      target: { ...text, description: 'Of copy and move.', examples: ['s3://other/hot/'] },
      priority: { enum: priorities },
      bytesPerSecondMax: { ...count, description: 'Of the UFS.' },
      ufsRequestsPerSecondMax: count,
      concurrencyMax: { ...count, description: 'Objects at a time; otherwise 64.' },
      retriesMax: { ...count, description: 'Of one object; otherwise 5.' },
      replicas: { ...count, description: 'Of load and pin: nodes that keep the pages, 1 to 3; otherwise 1.' },
      metadataOnly: flag,
      dryRun: { ...flag, description: 'Count, and do nothing.' },
      pinned: { ...flag, description: 'Of free: pinned pages too.' },
      schedule: { ...text, description: 'Five fields of cron, in UTC.', examples: ['0 3 * * *'] },
    },
    ['kind'],
  ),
  Job: objectOf(
    {
      id: text,
      kind: { enum: jobKinds },
      state: { enum: ['scheduled', 'queued', 'running', 'paused', 'done', 'failed', 'cancelled'] },
      priority: { enum: priorities },
      ...{ keys, manifest: text, target: text, replicas: count, dryRun: flag },
      ...{ createdAt: time, startedAt: time, endedAt: time },
      ...counts,
      pages: { ...count, description: 'Of free.' },
      expected: objectOf({ objects: count, bytes: count }),
      rate: objectOf({ objectsPerSecond: { type: 'number' }, bytesPerSecond: { type: 'number' } }),
      timeLeftMs: count,
      cost: { type: 'number', description: 'By the prices that are set; of a dry run, what it would be.' },
      reason: { ...text, description: 'Why it failed as a whole.' },
      ...{ schedule: text, nextRunAt: time, scheduledBy: text },
    },
    ['id', 'kind', 'state', 'priority', 'dryRun', 'createdAt', 'objects', 'bytes', 'ufsRequests', 'cost'],
  ),
  JobFailures: objectOf({
    total: count,
    offset: count,
    failures: { type: 'array', items: objectOf({ key: text, reason: text }) },
  }),
  Manifest: objectOf({ id: text, lines: count, bytes: count }, ['id', 'lines']),
};

const steer = (summary: string) => ({
  post: {
    summary,
    parameters: [id],
    responses: { 200: answer('The job.', ref('Job')), 404: noJob, 409: error('It is over.') },
  },
});

export const jobPaths = {
  '/api/v1/jobs': {
    get: {
      summary: 'Jobs, the newest first',
      responses: { 200: answer('Jobs.', { type: 'array', items: ref('Job') }) },
    },
    post: {
      summary: 'Make a job; it runs as soon as there is room, and goes on after restarts',
      requestBody: { required: true, content: jsonOf(ref('NewJob')) },
      responses: {
        201: answer('Made.', ref('Job')),
        400: error('A field is unknown, or is not what it may be.'),
        409: error('Too many jobs are not over.'),
      },
    },
  },
  '/api/v1/jobs/{id}': {
    get: {
      summary: 'One job',
      parameters: [id],
      responses: { 200: answer('The job.', ref('Job')), 404: noJob },
    },
  },
  '/api/v1/jobs/{id}/failures': {
    get: {
      summary: 'Keys that failed, each with its reason',
      parameters: [
        id,
        { ...query('offset', 'How many to leave out'), required: false },
        { ...query('limit', 'How many to tell; at most 1000'), required: false },
      ],
      responses: { 200: answer('Failures.', ref('JobFailures')), 404: noJob },
    },
  },
  '/api/v1/jobs/{id}/pause': steer('Stop a job at a checkpoint'),
  '/api/v1/jobs/{id}/resume': steer('Go on with a job that is paused, or failed as a whole'),
  '/api/v1/jobs/{id}/cancel': steer('End a job; what it did stays'),
  '/api/v1/manifests': {
    post: {
      summary: 'Send the keys of a job: lines s3://bucket/key, S3 Inventory CSV, or an access log',
      parameters: [
        { ...query('bucket', 'Of lines that are a key alone'), required: false },
        { ...query('columns', 'Of an inventory, as its manifest.json names them'), required: false },
      ],
      requestBody: { required: true, content: { 'text/plain': { schema: text } } },
      responses: { 201: answer('Kept.', ref('Manifest')), 400: error('A line is none of these.') },
    },
  },
};
