/** The audit log: each route that changes something says what, and it is kept before the answer goes out. */
import type { Log } from '@forebay/core/log';
import type { Context, Hono } from 'hono';
import type { AuditEntry, AuditRecords } from '../audit-records.ts';
import { AdminError } from './admin-error.ts';
import { whoAsks } from './auth.ts';

export type AuditNote = Omit<AuditEntry, 'atMs' | 'by'>;

export interface AuditView extends Omit<AuditEntry, 'atMs'> {
  readonly at: string;
}

export interface AuditDeps {
  readonly audit: AuditRecords;
  readonly nowMs: () => number;
  readonly log: Log;
}

const countMax = 1000;
const notes = new WeakMap<Context, AuditNote>();

/** The request has changed something. What is undefined was, or is, not there. */
export function changed(c: Context, note: AuditNote): void {
  notes.set(c, note);
}

/** Behind those who let requests in, and before the routes that change something. */
export function auditRoutes(app: Hono, { audit, nowMs, log }: AuditDeps): void {
  app.use(async (c, next) => {
    await next();
    const note = notes.get(c);
    if (!note) return;
    const entry = { atMs: nowMs(), by: whoAsks(c), ...note };
    log.info({ by: entry.by, ...note }, 'audit');
    await audit.add(entry);
  });
  app.get('/api/v1/audit', (c) => {
    const count = c.req.query('limit') ?? '100';
    if (!/^\d{1,6}$/.test(count) || Number(count) < 1) {
      throw new AdminError('BadRequest', '"limit" is a whole number from 1 on');
    }
    return c.json(audit.latest(Math.min(Number(count), countMax)).map(viewOf));
  });
}

function viewOf({ atMs, ...rest }: AuditEntry): AuditView {
  return { at: new Date(atMs).toISOString(), ...rest };
}
