import { AddressRanges } from '@forebay/core/address-ranges';
import { describe, expect, it } from 'vitest';
import { RawHeaders } from '../headers.ts';
import { clientHost } from './forwarded-host.ts';

const trustedProxies = new AddressRanges(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);

function hostOf(headers: Record<string, string>, peerAddress: string | undefined = '10.1.2.3'): string {
  return clientHost({ headers: new RawHeaders(Object.entries(headers).flat()), peerAddress, trustedProxies });
}

describe('the host that the client signed', () => {
  it('is the Host header where the peer is no trusted proxy', () => {
    const headers = { Host: 'inner:9000', 'X-Forwarded-Host': 's3.example.com' };
    for (const peer of ['203.0.113.9', '192.0.2.8', '::1', '', 'unix']) {
      expect(hostOf(headers, peer)).toBe('inner:9000');
    }
  });

  it.each(['10.255.255.255', '192.0.2.7', '::ffff:10.0.0.1', 'fd12::1'])('is forwarded by %s', (peer) => {
    expect(hostOf({ Host: 'inner:9000', 'X-Forwarded-Host': 's3.example.com' }, peer)).toBe('s3.example.com');
  });

  it.each([
    [{ 'X-Forwarded-Host': 's3.example.com:8443', 'X-Forwarded-Port': '443' }, 's3.example.com:8443'],
    [
      { 'X-Forwarded-Host': 's3.example.com', 'X-Forwarded-Port': '8443', 'X-Forwarded-Proto': 'https' },
      's3.example.com:8443',
    ],
    [
      { 'X-Forwarded-Host': 's3.example.com', 'X-Forwarded-Port': '443', 'X-Forwarded-Proto': 'https' },
      's3.example.com',
    ],
    [
      { 'X-Forwarded-Host': 's3.example.com', 'X-Forwarded-Port': '443', 'X-Forwarded-Proto': 'http' },
      's3.example.com:443',
    ],
    [{ 'X-Forwarded-Host': 's3.example.com', 'X-Forwarded-Port': '80' }, 's3.example.com'],
    [{ 'X-Forwarded-Host': 's3.example.com', 'X-Forwarded-Port': 'x' }, 's3.example.com'],
    [{ 'X-Forwarded-Host': 'first.example.com, second.example.com' }, 'first.example.com'],
    [{ 'X-Forwarded-Port': '8080' }, 'inner:8080'],
    [{ 'X-Forwarded-Host': '' }, 'inner'],
    [{}, 'inner'],
  ])('%j: %s', (headers, host) => {
    expect(hostOf({ Host: 'inner', ...headers })).toBe(host);
  });

  it('keeps the port of a Host that proxies pass on', () => {
    expect(hostOf({ Host: 'inner:9000', 'X-Forwarded-Port': '8080' })).toBe('inner:9000');
  });
});

it.each(['10.0.0.0/33', 'fd00::/129', 'proxy', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/-1'])(
  'refuses to trust "%s"',
  (cidr) => {
    expect(() => new AddressRanges([cidr])).toThrow(cidr);
  },
);
