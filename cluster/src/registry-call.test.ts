import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { clusterVerifier } from '@forebay/core/cluster-secret';
import { afterEach, expect, it } from 'vitest';
import { RegistryCalls } from './registry-call.ts';

const secret = 'a secret of the test';
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const standby: RequestListener = (_, response) => {
  response.statusCode = 503;
  response.end('{"error": {"code": "not-active", "message": "it stands by"}}');
};
const active: RequestListener = (request, response) => {
  const accepted = clusterVerifier(secret)(request.headers.authorization);
  response.statusCode = accepted ? 200 : 401;
  response.end(`${request.method} ${request.url}`);
};
const call = { method: 'GET', path: '/v1/view', timeoutMs: 5_000 } as const;

it('calls that go out together each find the registry that is active', async () => {
  const calls = new RegistryCalls([await serve(standby), await serve(active)], secret);
  const answers = await Promise.all([1, 2, 3, 4].map(() => calls.ask(call)));
  expect(answers).toEqual(Array(4).fill('GET /v1/view'));
});

it('a call goes first where the last one was answered', async () => {
  let asked = 0;
  const counting: RequestListener = (request, response) => {
    asked += 1;
    standby(request, response);
  };
  const calls = new RegistryCalls([await serve(counting), await serve(active)], secret);
  await calls.ask(call);
  await calls.ask(call);
  expect(asked).toBe(1);
});

it('a call says that none is active, or that none is reached', async () => {
  const standing = new RegistryCalls([await serve(standby)], secret);
  await expect(standing.ask(call)).rejects.toMatchObject({ notActive: true });
  const nobody = new RegistryCalls(['http://127.0.0.1:1'], secret);
  await expect(nobody.ask(call)).rejects.toMatchObject({ notActive: false });
});

it('a call is given up in time where a registry says nothing', async () => {
  const silent: RequestListener = () => undefined;
  const calls = new RegistryCalls([await serve(silent), await serve(active)], secret);
  expect(await calls.ask({ ...call, timeoutMs: 1000 })).toBe('GET /v1/view');
});

it('a registry with another secret is told apart from one that is away', async () => {
  const calls = new RegistryCalls([await serve(active)], 'another secret of it');
  await expect(calls.ask(call)).rejects.toThrow('another FOREBAY_CLUSTER_SECRET');
});
