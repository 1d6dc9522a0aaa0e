/** What requests to the admin API carry, checked. */
import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { AdminError } from './admin-error.ts';

/** Refuses bodies over the limit before they are read. */
export function bodyUpTo(maxBytes: number): MiddlewareHandler {
  return bodyLimit({
    maxSize: maxBytes,
    onError: () => {
      throw new AdminError('PayloadTooLarge', `a body may have ${maxBytes} bytes`);
    },
  });
}

/** The JSON object of the body; empty where it is none. @throws AdminError where it is not called JSON */
export async function jsonBody(c: Context): Promise<Record<string, unknown>> {
  if (!/^application\/json\b/i.test(c.req.header('content-type') ?? '')) {
    throw new AdminError('BadRequest', 'the body must be application/json');
  }
  const body: unknown = await c.req.json().catch(() => undefined);
  return isRecord(body) ? body : {};
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws AdminError where it is missing or empty */
export function neededQuery(c: Context, name: string): string {
  const value = c.req.query(name);
  if (value === undefined || value === '') throw new AdminError('BadRequest', `the query needs "${name}"`);
  return value;
}
