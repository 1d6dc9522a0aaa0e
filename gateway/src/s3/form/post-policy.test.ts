import { describe, expect, it } from 'vitest';
import { S3Error } from '../errors.ts';
import { FormFields } from './form-fields.ts';
import { checkPostPolicy, parsePostPolicy } from './post-policy.ts';

const expiration = '2026-01-02T00:00:00Z';
const nowMs = Date.UTC(2026, 0, 1);
const encoded = (text: string) => Buffer.from(text).toString('base64');
const fields = { key: 'user/eric/a', acl: 'private', 'Content-Type': 'image/png, image/gif', Policy: 'p' };

function outcomeOf(conditions: unknown, form: Record<string, string> = fields) {
  const policy = encoded(JSON.stringify({ expiration, conditions }));
  try {
    const head = { fields: Object.entries(form), fileName: 'f' };
    return checkPostPolicy(parsePostPolicy(policy), { fields: new FormFields(head), bucket: 'lake', nowMs });
  } catch (error) {
    if (error instanceof S3Error) return `${error.code}: ${error.message}`;
    throw error;
  }
}

const rest = [{ bucket: 'lake' }, { acl: 'private' }, ['starts-with', '$Content-Type', 'image/']];

describe('a policy', () => {
  it.each([
    ['starts-with', [['starts-with', '$key', 'user/eric/']]],
    ['an exact match, with any case of names', [{ KeY: 'user/eric/a' }]],
    ['eq, with any case', [['EQ', '$kEY', 'user/eric/a']]],
    ['any value', [['starts-with', '$key', '']]],
    ['several conditions', [['starts-with', '$key', 'user'], { key: 'user/eric/a' }]],
  ])('holds with %s', (_, conditions) => {
    expect(outcomeOf([...rest, ...conditions])).toEqual({ minBytes: 0, maxBytes: Number.MAX_SAFE_INTEGER });
  });

  it('bounds the size of the file, the narrowest bounds winning', () => {
    const key = { key: 'user/eric/a' };
    const ranges = [
      ['content-length-range', 1, '10'],
      ['Content-Length-Range', 0, 5],
    ];
    expect(outcomeOf([...rest, key, ...ranges])).toEqual({ minBytes: 1, maxBytes: 5 });
  });

  it.each([
    ['another value', [{ key: 'other' }], 'Policy Condition failed: ["eq", "$key", "other"]'],
    [
      'another case of a value',
      [{ key: 'User/eric/a' }],
      'Policy Condition failed: ["eq", "$key", "User/eric/a"]',
    ],
    [
      'another start',
      [['starts-with', '$key', 'user/ann/']],
      'Policy Condition failed: ["starts-with", "$key", "user/ann/"]',
    ],
    [
      'a field that is not there, even where any value would do',
      [{ key: 'user/eric/a' }, ['starts-with', '$x-amz-meta-a', '']],
      'Policy Condition failed: ["starts-with", "$x-amz-meta-a", ""]',
    ],
    ['no word about a field', [], 'Extra input fields: key'],
  ])('fails with %s', (_, conditions, message) => {
    expect(outcomeOf([...rest, ...conditions])).toBe(`AccessDenied: Invalid according to Policy: ${message}`);
  });

  it('speaks of the bucket, and of each type in a list', () => {
    const key = { key: 'user/eric/a' };
    expect(outcomeOf([{ acl: 'private' }, rest[2], key])).toContain('Extra input fields: bucket');
    const form = { ...fields, 'Content-Type': 'image/png, text/html' };
    expect(outcomeOf([...rest, key], form)).toContain('failed: ["starts-with", "$Content-Type", "image/"]');
  });

  it('ends at its second', () => {
    const policy = parsePostPolicy(
      encoded(`{"expiration": "${expiration}", "conditions": [{"bucket": "b"}]}`),
    );
    const form = { fields: new FormFields({ fields: [], fileName: '' }), bucket: 'b' };
    const endMs = Date.parse(expiration);
    expect(() => checkPostPolicy(policy, { ...form, nowMs: endMs - 1 })).not.toThrow();
    expect(() => checkPostPolicy(policy, { ...form, nowMs: endMs })).toThrow('Policy expired');
  });

  it('knows the escapes of its own', () => {
    const text = `{"expiration": "${expiration}", "conditions": [{"bucket": "\\$b\\\\$\\v"}]}`;
    expect(parsePostPolicy(encoded(text)).conditions[0]).toMatchObject({ value: '$b\\$\v' });
  });

  it.each([
    '',
    'no json',
    '[]',
    'null',
    '{"conditions": []}',
    `{"expiration": "${expiration}"}`,
    `{"EXPIRATION": "${expiration}", "conditions": []}`,
    `{"expiration": "${expiration}", "CONDITIONS": []}`,
    '{"expiration": "tomorrow", "conditions": []}',
    '{"expiration": 5, "conditions": []}',
    ...[
      '{}',
      '[{}]',
      '["eq"]',
      '[[]]',
      '[5]',
      '[["eq", "$key"]]',
      '[["eq", "key", "x"]]',
      '[["eq", "$", "x"]]',
      '[["ends-with", "$key", "x"]]',
      '[["content-length-range", 0]]',
      '[["content-length-range", -1, 0]]',
      '[["content-length-range", 2, 1]]',
      '[["content-length-range", {"toString": 1}, 1]]',
      '[[{"toString": 1}, "$key", "x"]]',
      '[{"key": {"toString": 1}}]',
    ].map((conditions) => `{"expiration": "${expiration}", "conditions": ${conditions}}`),
  ])('that says %s is none', (text) => {
    expect(() => parsePostPolicy(encoded(text))).toThrow(
      expect.objectContaining({ code: 'InvalidPolicyDocument', status: 400 }),
    );
  });
});
