import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { hostname } from 'node:os';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { reachableHost } from './own-address.ts';

const registry = createServer((socket) => socket.on('error', () => {}).destroy());
const nobody = 'http://127.0.0.1:9';

beforeEach(async () => {
  registry.listen(0, '127.0.0.1');
  await once(registry, 'listening');
});
afterEach(() => registry.close());

it('is the host that it listens on', async () => {
  expect(await reachableHost('10.0.0.5', [])).toBe('10.0.0.5');
  expect(await reachableHost('fd00::1', [])).toBe('[fd00::1]');
});

it('of a wildcard is where the way to a registry begins, and else the name', async () => {
  const url = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`;
  expect(await reachableHost('0.0.0.0', [nobody, url])).toBe('127.0.0.1');
  expect(await reachableHost('::', [nobody])).toBe(hostname());
});
