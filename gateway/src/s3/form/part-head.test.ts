import { describe, expect, it } from 'vitest';
import { S3Error } from '../errors.ts';
import { boundaryOf, parsePartHead } from './part-head.ts';

describe('a boundary', () => {
  it.each([
    ['multipart/form-data; boundary=abc', 'abc'],
    ['Multipart/Form-Data;charset=utf-8; Boundary="a b:c"', 'a b:c'],
    ['multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxk', '----WebKitFormBoundary7MA4YWxk'],
    ['text/plain; boundary=abc', undefined],
    ['multipart/form-dataset; boundary=abc', undefined],
    [undefined, undefined],
  ])('of %s is %s', (contentType, boundary) => {
    expect(boundaryOf(contentType)).toBe(boundary);
  });

  it.each(['', '; boundary=', '; boundary="a\nb"', `; boundary=${'a'.repeat(71)}`, '; boundary="a "'])(
    'is wanted: multipart/form-data%s',
    (parameters) => {
      expect(() => boundaryOf(`multipart/form-data${parameters}`)).toThrow(S3Error);
    },
  );
});

describe('a part', () => {
  it.each([
    ['form-data; name="key"', { name: 'key', fileName: undefined }],
    ['form-data; name=key', { name: 'key', fileName: undefined }],
    ['Form-Data; filename="a;name=b"; name="file"', { name: 'file', fileName: 'a;name=b' }],
    ['form-data; name="file"; filename="C:\\dir\\"', { name: 'file', fileName: '' }],
    ['form-data; name="file"; filename="a\\"b"', { name: 'file', fileName: 'a"b' }],
    ['form-data; name="a%22b%0D%0A"; filename="ü/é%20"', { name: 'a"b\r\n', fileName: 'é%20' }],
    ['form-data; name="file"; filename=""', { name: 'file', fileName: '' }],
  ])('whose disposition is %s', (disposition, name) => {
    expect(parsePartHead(`X: y\r\nContent-disposition: ${disposition}\r\nContent-Type: a/b`)).toEqual(name);
  });

  it.each(['', 'Content-Disposition: attachment; name="a"', 'Content-Disposition: form-data; name=""'])(
    'without a name is refused: %s',
    (head) => {
      expect(() => parsePartHead(head)).toThrow(S3Error);
    },
  );
});
