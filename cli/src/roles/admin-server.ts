/**
 * The admin port: open from the first moment, so that probes hear "not ready" and not a refused connection.
 */
import { createServer } from 'node:http';
import { createStartingApp } from '@forebay/registry/admin/starting-app';
import { getRequestListener } from '@hono/node-server';
import { drain, listen, type Place } from './listening.ts';
import type { Undoing } from './undoing.ts';

const connectionsMaxDefault = 256;
const drainTimeoutMs = 1000;

export interface AdminApp {
  fetch(request: Request, env?: object): Response | Promise<Response>;
}

export interface AdminServer {
  /** `http://127.0.0.1:9001` */
  readonly url: string;
  /** From now on this app answers. */
  open(app: AdminApp): void;
}

/** @throws CommandError where the port is taken. */
export async function startAdminServer(
  place: Place,
  undoing: Undoing,
  connectionsMax = connectionsMaxDefault,
): Promise<AdminServer> {
  let current: AdminApp = createStartingApp();
  const listener = getRequestListener((request, env) => current.fetch(request, env), {
    overrideGlobalObjects: false,
  });
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000 }, listener);
  server.maxConnections = connectionsMax;
  undoing.add(() => drain(server, drainTimeoutMs));
  const url = await listen(server, place);
  return {
    url,
    open: (app) => {
      current = app;
    },
  };
}
