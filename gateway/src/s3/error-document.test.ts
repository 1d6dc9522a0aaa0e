import { ForebayError, UfsAnswerError } from '@forebay/core/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorDocument, isInternal } from './error-document.ts';
import { S3Error } from './errors.ts';

const ids = { requestId: 'REQUEST', hostId: 'HOST==' };
const idElements = '<RequestId>REQUEST</RequestId><HostId>HOST==</HostId>';
const start = '<?xml version="1.0" encoding="UTF-8"?>\n';

describe('an error of ours to tell', () => {
  it('is a document without a namespace, fields in order, ids at the end', () => {
    const error = new S3Error('InvalidArgument', {
      message: 'no',
      fields: { ArgumentName: 'max-keys', ArgumentValue: '<&>"\r\u0001' },
      headers: [['allow', 'GET']],
    });
    expect(errorDocument(error, ids)).toEqual({
      status: 400,
      code: 'InvalidArgument',
      headers: [
        ['content-type', 'application/xml'],
        ['allow', 'GET'],
      ],
      body:
        `${start}<Error><Code>InvalidArgument</Code><Message>no</Message><ArgumentName>max-keys</ArgumentName>` +
        `<ArgumentValue>&lt;&amp;&gt;&quot;&#13;\ufffd</ArgumentValue>${idElements}</Error>`,
    });
  });

  it('can be read by a strict parser whatever key it echoes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (key) => {
        const { body } = errorDocument(new S3Error('NoSuchKey', { fields: { Key: key } }), ids);
        const echoed = /<Key>(.*)<\/Key>/s
          .exec(body)![1]!
          .replace(/&#(\d+);/g, (_, n: string) => String.fromCharCode(Number(n)));
        expect(echoed).toMatch(/^[\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u);
      }),
    );
  });
});

describe('an error of the UFS', () => {
  it('has a message, also where the store gave none', () => {
    const bodyOf = (code: string) =>
      errorDocument(new UfsAnswerError({ status: 409, code, message: '' }), ids).body;
    expect(bodyOf('BucketNotEmpty')).toContain('<Message>The bucket you tried to delete is not empty<');
    expect(bodyOf('SomethingElse')).toContain('<Message>SomethingElse<');
  });

  it('reaches the client as it is, but for the ids', () => {
    const error = new UfsAnswerError({
      status: 404,
      code: 'NoSuchKey',
      message: 'gone',
      fields: [
        ['Key', 'a/b'],
        ['RequestId', 'theirs'],
        ['HostId', 'theirs'],
      ],
      headers: [['x-amz-delete-marker', 'true']],
    });
    const document = errorDocument(error, ids);
    expect(document).toMatchObject({ status: 404, code: 'NoSuchKey' });
    expect(document.headers).toContainEqual(['x-amz-delete-marker', 'true']);
    expect(document.body).toContain(`<Message>gone</Message><Key>a/b</Key>${idElements}`);
    expect(document.body).not.toContain('theirs');
  });

  it('that comes with a code and no words gets the words of S3, where there are any', () => {
    const bodyOf = (code: string) =>
      errorDocument(new UfsAnswerError({ status: 404, code, message: '' }), ids).body;
    expect(bodyOf('NoSuchKey')).toContain('<Message>The specified key does not exist.</Message>');
    expect(bodyOf('toString')).toContain('<Message>toString</Message>');
  });

  it('has no body where it is 304', () => {
    const error = new UfsAnswerError({
      status: 304,
      code: 'NotModified',
      message: '',
      headers: [['etag', '"a"']],
    });
    expect(errorDocument(error, ids)).toEqual({
      status: 304,
      code: 'NotModified',
      headers: [['etag', '"a"']],
      body: '',
    });
  });

  it('never passes for a success: a 200 that held an error is a failure of the store', () => {
    const error = new UfsAnswerError({ status: 200, code: 'InternalError', message: 'late' });
    expect(errorDocument(error, ids)).toMatchObject({ status: 500, code: 'InternalError' });
  });

  it('cannot put more into the document than elements', () => {
    const error = new UfsAnswerError({
      status: 400,
      code: 'X',
      message: '',
      fields: [['Key></Error><Evil', 'v']],
    });
    expect(errorDocument(error, ids).body).not.toContain('Evil');
  });
});

describe('errors between the roles', () => {
  it.each([
    ['ufs-unavailable', 503, 'ServiceUnavailable'],
    ['overloaded', 503, 'SlowDown'],
    ['version-changed', 503, 'ServiceUnavailable'],
    ['state-unknown', 500, 'InternalError'],
  ] as const)('%s is %d %s, and says nothing of what is inside', (kind, status, code) => {
    const document = errorDocument(new ForebayError(kind, 'inner detail'), ids);
    expect(document).toMatchObject({ status, code });
    expect(document.body).not.toContain('inner detail');
  });

  it('ask for a pause where a limit is reached', () => {
    expect(errorDocument(new ForebayError('overloaded', ''), ids).headers).toContainEqual([
      'retry-after',
      '1',
    ]);
  });

  it('say that the outcome of a write is unknown', () => {
    expect(errorDocument(new ForebayError('state-unknown', ''), ids).body).toContain(
      'outcome of the write is unknown',
    );
  });
});

it('a fault of ours is InternalError and tells nothing', () => {
  const error = new TypeError('secret');
  const document = errorDocument(error, ids);
  expect(document).toMatchObject({ status: 500, code: 'InternalError' });
  expect(document.body).toContain('We encountered an internal error. Please try again.');
  expect(document.body).not.toContain('secret');
  expect([isInternal(error), isInternal(new S3Error('NoSuchKey'))]).toEqual([true, false]);
});
