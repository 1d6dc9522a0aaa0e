import { AddressRanges } from '@forebay/core/address-ranges';
import { describe, expect, it } from 'vitest';
import { RawHeaders } from '../headers.ts';
import { ForwardedOrigin } from './client-origin.ts';

const trusted = new AddressRanges(['10.0.0.0/8', '::1']);

function origin(peer: string | undefined, headers: Record<string, string> = {}) {
  return new ForwardedOrigin(new RawHeaders(Object.entries(headers).flat()), peer, trusted);
}
const addressOf = (peer: string | undefined, forwardedFor: string) =>
  origin(peer, { 'X-Forwarded-For': forwardedFor }).address();

describe('the address of a client', () => {
  it.each([
    ['192.0.2.1', '203.0.113.9', '192.0.2.1'],
    ['10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['::1', '203.0.113.9', '203.0.113.9'],
    ['::ffff:10.0.0.1', '::ffff:203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '127.0.0.1, 203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '203.0.113.9, 10.0.0.2', '203.0.113.9'],
    ['10.0.0.1', '203.0.113.9, unknown, 10.0.0.2', '10.0.0.2'],
    ['10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['10.0.0.1', '203.0.113.9:5123', '203.0.113.9'],
    ['10.0.0.1', '[2001:db8::1]:5123', '2001:db8::1'],
    ['10.0.0.1', '', '10.0.0.1'],
    ['fe80::1%eth0', '', 'fe80::1'],
    ['10.0.0.1', 'fe80::2%3', 'fe80::2'],
  ])('peer %s, forwarded for "%s": %s', (peer, forwardedFor, expected) => {
    expect(addressOf(peer, forwardedFor)).toBe(expected);
  });

  it('is not known once the connection is closed', () => {
    expect(addressOf(undefined, '203.0.113.9')).toBeUndefined();
  });
});

it('is secure only where a trusted proxy says so', () => {
  expect(origin('10.0.0.1', { 'X-Forwarded-Proto': 'https' }).isSecure()).toBe(true);
  expect(origin('10.0.0.1', { 'X-Forwarded-Proto': 'http' }).isSecure()).toBe(false);
  expect(origin('192.0.2.1', { 'X-Forwarded-Proto': 'https' }).isSecure()).toBe(false);
  expect(origin('10.0.0.1').isSecure()).toBe(false);
});
