import { ForebayError, UfsAnswerError } from '@forebay/core/errors';
import type { Log } from '@forebay/core/log';
import { describe, expect, it } from 'vitest';
import type { Exchange } from '../exchange.ts';
import { ErrorReporter } from './error-reporter.ts';
import { S3Error } from './errors.ts';

function setUp() {
  const lines: Record<string, unknown>[] = [];
  let nowMs = 0;
  const recordAs = (level: string) => (line: object) => lines.push({ level, ...line });
  const log = { error: recordAs('error'), warn: recordAs('warn') } as unknown as Log;
  const clock = { wallMs: () => 0, monotonicMs: () => nowMs };
  const mountPathOf = (bucket: string, key: string) => `/${bucket}/${key}`;
  const reporter = new ErrorReporter({ log, clock, hostId: 'host', mountPathOf });
  const exchange = { id: 'ID', operation: 'GetObject', bucket: 'lake', key: 'k' } as Exchange;
  Object.assign(exchange, { signal: new AbortController().signal });
  const body = (error: unknown) => String(reporter.answer(exchange, error).body);
  return { lines, reporter, exchange, body, wait: (durationMs: number) => (nowMs += durationMs) };
}

describe('error reporter', () => {
  it('logs a fault of ours with its stack and the request id, and tells the client nothing of it', () => {
    const { lines, body } = setUp();
    const text = body(new TypeError('undefined is not a cache'));
    expect(text).toContain('<Code>InternalError</Code>');
    expect(text).not.toContain('undefined is not a cache');
    expect(lines).toMatchObject([
      { level: 'error', id: 'ID', err: { stack: expect.stringContaining('TypeError') } },
    ]);
  });

  it('does not log what clients do wrong', () => {
    const { lines, body } = setUp();
    expect(body(new S3Error('NoSuchKey'))).toContain('NoSuchKey');
    expect(body(new UfsAnswerError({ status: 403, code: 'AccessDenied', message: 'no' }))).toContain(
      'AccessDenied',
    );
    expect(lines).toEqual([]);
  });

  it('warns of a UFS without an answer, ten times in ten seconds, and counts the rest', () => {
    const { lines, body, wait } = setUp();
    for (let index = 0; index < 25; index += 1) body(new ForebayError('ufs-unavailable', 'refused'));
    expect(lines).toHaveLength(10);
    wait(10_000);
    body(new ForebayError('ufs-unavailable', 'refused'));
    expect(lines.at(-1)).toMatchObject({ level: 'warn', mount: '/lake/k', suppressed: 15 });
  });

  it('warns of a UFS that answers with an error of its own', () => {
    const { lines, body } = setUp();
    expect(body(new UfsAnswerError({ status: 500, code: 'InternalError', message: 'no' }))).toContain(
      'InternalError',
    );
    expect(lines).toMatchObject([{ level: 'warn', mount: '/lake/k', status: 500, code: 'InternalError' }]);
  });

  it('does not warn of what a UFS does not do at all', () => {
    const { lines, body } = setUp();
    const text = body(new UfsAnswerError({ status: 501, code: 'NotImplemented', message: 'no ACLs' }));
    expect(text).toContain('<Code>NotImplemented</Code>');
    expect(lines).toEqual([]);
  });

  it('warns of a UFS that refuses the credentials of a mount, and does not blame the client’s', () => {
    const { lines, body } = setUp();
    const text = body(new UfsAnswerError({ status: 403, code: 'SignatureDoesNotMatch', message: 'check' }));
    expect(text).toContain('<Code>AccessDenied</Code>');
    expect(text).toContain('does not accept its mount');
    expect(lines).toMatchObject([{ level: 'warn', mount: '/lake/k', code: 'SignatureDoesNotMatch' }]);
  });

  it('sends no client to where a mount should have gone', () => {
    const { lines, body } = setUp();
    const fields = [['Endpoint', 'real.s3.eu-west-1.amazonaws.com']] as const;
    const text = body(new UfsAnswerError({ status: 301, code: 'PermanentRedirect', message: 'no', fields }));
    expect(text).toContain('<Code>AccessDenied</Code>');
    expect(text).not.toContain('real.s3');
    expect(lines).toMatchObject([{ level: 'warn', code: 'PermanentRedirect' }]);
  });

  it('names what is missing where the UFS did not', () => {
    const { body } = setUp();
    const missing = (code: string) => body(new UfsAnswerError({ status: 404, code, message: 'no' }));
    expect(missing('NoSuchKey')).toContain('<Key>k</Key>');
    expect(missing('NoSuchBucket')).toContain('<BucketName>lake</BucketName>');
  });

  it('tells the client what was wrong with its body, though the UFS tripped over it', () => {
    const { body } = setUp();
    const cause = new S3Error('BadDigest');
    expect(body(new ForebayError('ufs-unavailable', 'the body failed', { cause }))).toContain('BadDigest');
    expect(body(new ForebayError('state-unknown', 'no answer', { cause }))).toContain('InternalError');
  });

  it("names the client's bucket and key where the UFS named its own", () => {
    const { body } = setUp();
    const fields = [
      ['Key', 'prefix/k'],
      ['BucketName', 'real'],
      ['Resource', '/real/prefix/k'],
      ['VersionId', 'v'],
    ] as const;
    const text = body(new UfsAnswerError({ status: 404, code: 'NoSuchVersion', message: 'no', fields }));
    expect(text).toContain('<Key>k</Key><BucketName>lake</BucketName><VersionId>v</VersionId>');
    expect(text).not.toContain('Resource');
  });
});
