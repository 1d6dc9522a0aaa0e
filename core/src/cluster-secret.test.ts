import { expect, it } from 'vitest';
import {
  clusterTokenOf,
  clusterVerifier,
  neededClusterSecret,
  recordBoxOf,
  wireBoxOf,
} from './cluster-secret.ts';

const secret = 'a secret of at least 16 bytes';

it('a missing or short cluster secret is refused with a word on how to make one', () => {
  expect(() => neededClusterSecret(undefined)).toThrow(
    /FOREBAY_CLUSTER_SECRET is not set.*openssl rand -hex 32/,
  );
  expect(() => neededClusterSecret('0123456789abcde')).toThrow(/fewer than 16 bytes/);
  expect(() => neededClusterSecret('0123456789abcde')).not.toThrow(/0123/);
  expect(neededClusterSecret('0123456789abcdef')).toBe('0123456789abcdef');
});

it('the bearer token of the secret is accepted, and nothing else', () => {
  const accepts = clusterVerifier(secret);
  expect(accepts(`Bearer ${clusterTokenOf(secret)}`)).toBe(true);
  expect(accepts(`bearer ${clusterTokenOf(secret)}`)).toBe(true);
  for (const other of [undefined, '', 'Bearer ', `Bearer ${clusterTokenOf('another one, of 16')}`, secret])
    expect(accepts(other)).toBe(false);
  expect(accepts(`Bearer ${secret.replaceAll(' ', '')}`)).toBe(false);
});

it('what is sealed for one use is not opened for another, nor with another secret', () => {
  const sealed = wireBoxOf(secret).seal('text', 'owner');
  expect(wireBoxOf(secret).open(sealed, 'owner')).toBe('text');
  expect(() => recordBoxOf(secret).open(sealed, 'owner')).toThrow();
  expect(() => wireBoxOf(`${secret}!`).open(sealed, 'owner')).toThrow();
});
