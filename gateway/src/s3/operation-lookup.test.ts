import { describe, expect, it } from 'vitest';
import type { OperationTarget } from './operation.ts';
import { OperationLookup } from './operation-lookup.ts';
import { operationDocs, operationTable } from './operation-table.ts';
import { parseTarget } from './raw-target.ts';

const lookup = new OperationLookup(operationTable);

function find(line: string, headers: Record<string, string> = {}) {
  const [method = '', raw = ''] = line.split(' ');
  const { bucket, key, query } = parseTarget(raw, 'localhost', []);
  const target: OperationTarget = key !== undefined ? 'object' : bucket !== undefined ? 'bucket' : 'service';
  return lookup.find({ method, target, query, headers: { get: (name) => headers[name] } });
}

describe('operation lookup', () => {
  it.each([
    ['GET /', 'ListBuckets'],
    ['GET /bucket', 'ListObjects'],
    ['GET /bucket/?list-type=2&prefix=a', 'ListObjectsV2'],
    ['GET /bucket?uploads', 'ListMultipartUploads'],
    ['GET /bucket/?location=', 'GetBucketLocation'],
    ['POST /bucket/?delete=', 'DeleteObjects'],
    ['GET /bucket/key?x-id=GetObject', 'GetObject'],
    ['HEAD /bucket/key?partNumber=1', 'HeadObject'],
    ['GET /bucket/key?versionId=null', 'GetObject'],
    ['PUT /bucket/key', 'PutObject'],
    ['PUT /bucket/key?partNumber=1&uploadId=u', 'UploadPart'],
    ['POST /bucket/key?uploads', 'CreateMultipartUpload'],
    ['POST /bucket/key?uploadId=u', 'CompleteMultipartUpload'],
    ['DELETE /bucket/key?uploadId=u', 'AbortMultipartUpload'],
    ['GET /bucket/key?uploadId=u', 'ListParts'],
  ])('%s is %s', (line, name) => {
    const found = find(line);
    expect(found.error).toBeUndefined();
    expect(found.operation?.name).toBe(name);
  });

  it('takes a copy by its header, and refuses the header where nothing is copied', () => {
    const headers = { 'x-amz-copy-source': '/bucket/a' };
    expect(find('PUT /bucket/key', headers).operation?.name).toBe('CopyObject');
    const part = find('PUT /bucket/key?partNumber=1&uploadId=u', headers);
    expect(part.operation?.name).toBe('UploadPartCopy');
    expect(find('GET /bucket/key', headers).error?.code).toBe('InvalidArgument');
  });

  it.each(['GET', 'PUT', 'DELETE'])('never takes %s of a sub-resource for the plain operation', (method) => {
    const queries = operationDocs().flatMap(({ request }) => request.split('?')[1]?.split('&')[0] ?? []);
    for (const query of new Set(queries)) {
      if (query === 'list-type=2' || query === 'partNumber') continue;
      for (const path of ['/bucket', '/bucket/key']) {
        const name = find(`${method} ${path}?${query}`).operation?.name ?? '';
        expect(
          ['ListObjects', 'CreateBucket', 'DeleteBucket', 'GetObject', 'PutObject', 'DeleteObject'],
          query,
        ).not.toContain(name);
      }
    }
  });

  it('names operations that are not served, and answers 501', () => {
    const found = find('GET /bucket?session');
    expect(found.operation?.name).toBe('CreateSession');
    expect(found.error?.code).toBe('NotImplemented');
  });

  it('answers 405 with Allow where the resource is known and the method is not', () => {
    const found = find('DELETE /bucket/key?acl');
    expect(found.error?.code).toBe('MethodNotAllowed');
    expect(found.error?.headers).toEqual([['allow', 'GET, PUT']]);
    expect(find('HEAD /').error?.fields).toEqual({ Method: 'HEAD', ResourceType: 'SERVICE' });
    expect(find('PUT /bucket/key?uploadId=u').error?.code).toBe('MethodNotAllowed');
    expect(find('PATCH /bucket/key').error?.headers).toEqual([['allow', 'DELETE, GET, HEAD, PUT']]);
  });

  it('refuses an unknown bare parameter on a write, and ignores it on a read', () => {
    expect(find('DELETE /bucket/key?someday').error?.code).toBe('NotImplemented');
    expect(find('DELETE /bucket/key?lifecycle').error?.code).toBe('NotImplemented');
    expect(find('GET /bucket/key?someday').operation?.name).toBe('GetObject');
    expect(find('PUT /bucket/key?x-id=PutObject&trace=1').operation?.name).toBe('PutObject');
  });

  it('has every operation once', () => {
    const names = operationTable.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const rest = ['CreateSession', 'UpdateObjectEncryption', 'RenameObject'];
    const unsupported = operationDocs().filter(({ supported }) => !supported);
    for (const { name } of unsupported) expect(rest).toContain(name);
  });
});
