/** Jobs in the admin API: made, looked at and steered. What a job is to do is checked before it is kept. */
import { ConfigError } from '@forebay/core/config';
import type { Context, Hono } from 'hono';
import type { JobNow, JobScheduler } from '../jobs/job-scheduler.ts';
import { parseJobSpec } from '../jobs/job-spec.ts';
import { type JobPrices, type JobView, jobView } from '../jobs/job-view.ts';
import { AdminError } from './admin-error.ts';
import { changed } from './audit.ts';
import { bodyUpTo, jsonBody } from './request.ts';

export interface JobDeps {
  readonly jobs: JobScheduler;
  readonly prices: () => JobPrices;
}

const bodyBytesMax = 64 * 1024;
const failuresMax = 1000;

export function jobRoutes(app: Hono, { jobs, prices }: JobDeps): void {
  const viewOf = (job: JobNow): JobView => jobView(job, prices());
  app.get('/api/v1/jobs', (c) => c.json(jobs.all().map(viewOf)));
  app.post('/api/v1/jobs', bodyUpTo(bodyBytesMax), async (c) => {
    const body = await jsonBody(c);
    const job = viewOf(await jobs.create(parseJobSpec(body)));
    changed(c, { action: 'job.add', target: job.id, after: body });
    return c.json(job, 201);
  });
  app.get('/api/v1/jobs/:id', (c) => c.json(viewOf(jobs.find(idOf(c)))));
  app.get('/api/v1/jobs/:id/failures', async (c) => {
    const [offset, limit] = [
      countIn(c, 'offset', 0),
      Math.min(failuresMax, countIn(c, 'limit', failuresMax)),
    ];
    const { record } = jobs.find(idOf(c));
    const failures = await jobs.failures(record.id, offset, limit);
    return c.json({ total: record.counts.objects.failed, offset, failures });
  });
  for (const verb of ['pause', 'resume', 'cancel'] as const) {
    app.post(`/api/v1/jobs/:id/${verb}`, async (c) => {
      const id = idOf(c);
      const before = viewOf(jobs.find(id)).state;
      const job = viewOf(await jobs[verb](id));
      changed(c, { action: `job.${verb}`, target: id, before, after: job.state });
      return c.json(job);
    });
  }
  app.post('/api/v1/manifests', async (c) => {
    const columns = c.req
      .query('columns')
      ?.split(',')
      .map((name) => name.trim());
    const body = c.req.raw.body;
    if (!body) throw new AdminError('BadRequest', 'the body is the manifest, as text');
    const manifest = await jobs.manifests.add(body, { bucket: c.req.query('bucket') || undefined, columns });
    if (manifest.lines > 0) {
      changed(c, { action: 'manifest.add', target: manifest.id, after: manifest });
      return c.json(manifest, 201);
    }
    await jobs.manifests.remove(manifest.id);
    throw new ConfigError('the manifest names no key');
  });
}

function idOf(c: Context): string {
  return c.req.param('id') ?? '';
}

/** @throws AdminError */
function countIn(c: Context, name: string, otherwise: number): number {
  const text = c.req.query(name);
  if (text === undefined) return otherwise;
  if (!/^\d{1,12}$/.test(text)) throw new AdminError('BadRequest', `"${name}" is a whole number`);
  return Number(text);
}
