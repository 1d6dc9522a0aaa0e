import { describe, expect, it } from 'vitest';
import { parseObjectName } from './stat.ts';

describe('parseObjectName', () => {
  it.each([
    ['s3://lake/a', 'lake', 'a'],
    ['s3://lake//a/../b//', 'lake', '/a/../b//'],
    ['s3://lake/a b%20c?d#e\n', 'lake', 'a b%20c?d#e\n'],
  ])('takes the key of %j as it stands', (name, bucket, key) => {
    expect(parseObjectName(name)).toEqual({ bucket, key });
  });

  it.each(['lake/a', 's3://lake', 's3://lake/', 's3:///a', ''])('refuses %j', (name) => {
    expect(() => parseObjectName(name)).toThrow('an object is written s3://bucket/key');
  });
});
