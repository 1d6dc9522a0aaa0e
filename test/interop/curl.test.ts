/** curl signs what it sends, and its user writes the requests: keys are encoded by whoever types the URL. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { uriEncode, uriEncodePath } from '@forebay/core/sigv4';
import { mebibyte } from '../support/content.ts';
import { mustRun } from '../support/process.ts';
import type { S3Endpoint } from '../support/servers.ts';
import { toolPath } from '../support/tools.ts';
import type { At, Client } from './client.ts';
import { interopSuite } from './suite.ts';

const partBytes = 5 * mebibyte;

async function start(server: S3Endpoint, home: string): Promise<Client> {
  const program = await toolPath('curl');
  // By a file: the command line of a process is there for all to see.
  const settings = [
    `user = "${server.accessKey}:${server.secretKey}"`,
    'aws-sigv4 = "aws:amz:us-east-1:s3"',
    // S3 asks for it, and curl does not send it by itself (7.88).
    'header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"',
    ...['path-as-is', 'fail-with-body', 'globoff'],
  ];
  writeFileSync(join(home, 'curlrc'), `${settings.join('\n')}\n`);
  const curl = (...args: string[]) =>
    mustRun(program, ['--silent', '--show-error', '--config', join(home, 'curlrc'), ...args]);
  const url = ({ bucket, key }: At) => `${server.endpoint}${uriEncodePath(`/${bucket}/${key}`)}`;
  return {
    version: /^curl (\S+)/.exec(await curl('--version'))![1]!,
    // To a URL that names a folder, an upload adds the name of the file.
    put: (at, file) =>
      /(^|\/)\.{0,2}$/.test(at.key)
        ? curl('--request', 'PUT', '--header', 'content-type:', '--data-binary', `@${file}`, url(at))
        : curl('--upload-file', file, url(at)),
    get: (at, file) => curl('--output', file, url(at)),
    range: (at, file, { start, endExclusive }) =>
      curl('--range', `${start}-${endExclusive - 1}`, '--output', file, url(at)),
    multipart: (at, file) => putInParts({ curl, url: url(at), part: join(home, 'part') }, file),
    list: ({ bucket, prefix }) => list(curl, `${server.endpoint}/${bucket}`, prefix),
    copy: (bucket, from, to) => {
      const source = `x-amz-copy-source: ${uriEncodePath(`/${bucket}/${from}`)}`;
      return curl('--request', 'PUT', '--header', source, url({ bucket, key: to }));
    },
    delete: async (bucket, keys) => {
      for (const key of keys) await curl('--request', 'DELETE', url({ bucket, key }));
    },
  };
}

interface Upload {
  readonly curl: (...args: string[]) => Promise<string>;
  readonly url: string;
  /** Where one part lies while it is sent. */
  readonly part: string;
}

async function putInParts({ curl, url, part }: Upload, file: string): Promise<void> {
  const started = await curl('--request', 'POST', `${url}?uploads=`);
  const id = /<UploadId>(.*)<\/UploadId>/.exec(started)![1]!;
  const bytes = readFileSync(file);
  const parts = [];
  for (let number = 1; (number - 1) * partBytes < bytes.length; number += 1) {
    const body = bytes.subarray((number - 1) * partBytes, number * partBytes);
    writeFileSync(part, body);
    await curl('--upload-file', part, `${url}?partNumber=${number}&uploadId=${id}`);
    const etag = createHash('md5').update(body).digest('hex');
    parts.push(`<Part><PartNumber>${number}</PartNumber><ETag>"${etag}"</ETag></Part>`);
  }
  const list = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`;
  const done = await curl('--data-binary', list, '--header', 'content-type:', `${url}?uploadId=${id}`);
  if (!done.includes('<ETag>')) throw new Error(done);
}

async function list(curl: Upload['curl'], bucketUrl: string, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  let token = '';
  do {
    // In order: curl signs the query as it stands (7.88).
    const query = `encoding-type=url&list-type=2&max-keys=5&prefix=${uriEncode(prefix)}`;
    const from = token && `continuation-token=${uriEncode(token)}&`;
    const page = await curl(`${bucketUrl}?${from}${query}`);
    const found = [...page.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key]) => key!.replaceAll('+', ' '));
    keys.push(...found.map(decodeURIComponent));
    token = /<NextContinuationToken>(.*)<\/NextContinuationToken>/.exec(page)?.[1] ?? '';
  } while (token !== '');
  return keys;
}

await interopSuite({
  name: 'curl',
  tools: ['curl'],
  start,
  cannot: { presign: 'signs what it sends itself' },
  anyKey: true,
});
