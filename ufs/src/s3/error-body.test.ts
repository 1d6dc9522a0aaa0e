import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerOf, looksLikeError, parseErrorBody } from './error-body.ts';

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('\r', '&#13;');
const parse = (text: string) => parseErrorBody(Buffer.from(text));

describe('an error document', () => {
  it('gives back every text that was written into it', () => {
    const texts = fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed());
    fc.assert(
      fc.property(texts, texts.filter(Boolean), texts, (message, code, zone) => {
        const document = [
          `<Error><Code>${escaped(code)}</Code>`,
          `<Message>${escaped(message)}</Message><Zone>${escaped(zone)}</Zone></Error>`,
        ].join('\n ');
        expect(parse(document)).toEqual({ code, message, fields: [['Zone', zone]] });
      }),
    );
  });

  it('may have a declaration, a namespace, empty elements and elements inside elements', () => {
    const document =
      '\ufeff<?xml version="1.0" encoding="UTF-8"?>\r\n<Error xmlns="urn:x"><Code>A</Code>' +
      '<Message/><Details><Code>B</Code></Details><Key>k</Key></Error>\n';
    expect(parse(document)).toEqual({ code: 'A', message: '', fields: [['Key', 'k']] });
    expect(looksLikeError(Buffer.from(document))).toBe(true);
  });

  it.each([
    ['nothing', ''],
    ['a page of a proxy', '<html><body>502 Bad Gateway</body></html>'],
    ['one without code', '<Error><Message>m</Message></Error>'],
    ['one with a status for a code', '<Error><Code>400</Code><Message>m</Message></Error>'],
    ['one that is cut', '<Error><Code>A</Code><Mess'],
    ['one with text between', '<Error>text<Code>A</Code></Error>'],
    ['one longer than 64 KiB', `<Error><Code>A</Code><Message>${'m'.repeat(65_536)}</Message></Error>`],
  ])('is not %s', (_name, text) => {
    expect(parse(text)).toBeUndefined();
  });

  it('of any bytes never throws', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void parseErrorBody(bytes)));
    const soup = fc.string({
      unit: fc.constantFrom('<', '>', '/', 'Error', 'Code', '&', '#x', ';', ' ', 'a', '"'),
    });
    fc.assert(fc.property(soup, (text) => void parse(`<Error>${text}`)));
  });

  it('takes linear time, also on white space and open elements', () => {
    const startedMs = performance.now();
    for (const text of [
      ' '.repeat(60_000),
      `<Error>${'<a>'.repeat(20_000)}`,
      `<Error>${' '.repeat(60_000)}<`,
    ]) {
      expect(parse(text)).toBeUndefined();
      expect(looksLikeError(Buffer.from(`${' '.repeat(60_000)}${text}x`))).toBe(text.startsWith('<Error>'));
    }
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });
});

describe('an answer', () => {
  it.each([
    ['PreconditionFailed', 412],
    ['SlowDown', 503],
    ['NoSuchUpload', 404],
    ['NeverHeardOf', 500],
  ])('of 200 with %s counts as %i', (code, status) => {
    const body = Buffer.from(`<Error><Code>${code}</Code></Error>`);
    expect(answerOf({ status: 200, headers: [], body, about: 'object' })).toMatchObject({ status, code });
  });

  it.each([
    [400, 'BadRequest'],
    [401, 'AccessDenied'],
    [403, 'AccessDenied'],
    [405, 'MethodNotAllowed'],
    [408, 'RequestTimeout'],
    [409, 'OperationAborted'],
    [411, 'MissingContentLength'],
    [412, 'PreconditionFailed'],
    [413, 'EntityTooLarge'],
    [416, 'InvalidRange'],
    [418, 'BadRequest'],
    [429, 'SlowDown'],
    [500, 'InternalError'],
    [501, 'NotImplemented'],
    [502, 'ServiceUnavailable'],
    [503, 'SlowDown'],
    [507, 'ServiceUnavailable'],
  ])('of %i without a document of S3 has the code %s', (status, code) => {
    const bodies = [
      '',
      '<html><body>no</body></html>',
      `<Error><Code>${status}</Code></Error>`,
      '{"code":1}',
    ];
    for (const body of bodies.map((text) => Buffer.from(text))) {
      const answer = answerOf({ status, headers: [], body, about: 'object' });
      expect(answer).toMatchObject({ status, code, guessed: true });
    }
  });

  it.each(['object', 'bucket', 'upload'] as const)('of 404 without a document is about the %s', (about) => {
    const { code } = answerOf({ status: 404, headers: [], body: Buffer.alloc(0), about });
    expect(code).toBe({ object: 'NoSuchKey', bucket: 'NoSuchBucket', upload: 'NoSuchUpload' }[about]);
  });
});
