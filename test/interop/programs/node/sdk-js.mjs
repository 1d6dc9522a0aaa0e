import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { require, serve } from './lines.mjs';

const s3sdk = require('@aws-sdk/client-s3');
const { Upload } = require('@aws-sdk/lib-storage');
const { getSignedUrl } = require('@aws-sdk/s3-request-presigner');

const client = new s3sdk.S3Client({ endpoint: process.env.AWS_ENDPOINT_URL, forcePathStyle: true });
const send = (name, input) => client.send(new s3sdk[`${name}Command`](input));

async function get(input, file) {
  const { Body } = await send('GetObject', input);
  await pipeline(Body, createWriteStream(file));
}

await serve({
  version: () => require('@aws-sdk/client-s3/package.json').version,
  put: async (Bucket, Key, file) => {
    const { size } = await stat(file);
    await send('PutObject', { Bucket, Key, Body: createReadStream(file), ContentLength: size });
  },
  get: (Bucket, Key, file) => get({ Bucket, Key }, file),
  range: (Bucket, Key, file, start, end) => get({ Bucket, Key, Range: `bytes=${start}-${end - 1}` }, file),
  multipart: async (Bucket, Key, file) => {
    const params = { Bucket, Key, Body: createReadStream(file) };
    await new Upload({ client, params, partSize: 5 * 1024 * 1024 }).done();
  },
  list: async (Bucket, Prefix) => {
    const keys = [];
    const pages = s3sdk.paginateListObjectsV2({ client, pageSize: 5 }, { Bucket, Prefix });
    for await (const { Contents = [] } of pages) keys.push(...Contents.map(({ Key }) => Key));
    return keys;
  },
  copy: async (Bucket, from, Key) => {
    const CopySource = `${Bucket}/${from.split('/').map(encodeURIComponent).join('/')}`;
    await send('CopyObject', { Bucket, Key, CopySource });
  },
  delete: async (Bucket, ...keys) => {
    if (keys.length === 1) {
      await send('DeleteObject', { Bucket, Key: keys[0] });
      return;
    }
    const { Errors } = await send('DeleteObjects', {
      Bucket,
      Delete: { Objects: keys.map((Key) => ({ Key })) },
    });
    if (Errors?.length) throw new Error(JSON.stringify(Errors));
  },
  presign: (Bucket, Key, method) => {
    const Command = method === 'GET' ? s3sdk.GetObjectCommand : s3sdk.PutObjectCommand;
    return getSignedUrl(client, new Command({ Bucket, Key }), { expiresIn: 600 });
  },
});
