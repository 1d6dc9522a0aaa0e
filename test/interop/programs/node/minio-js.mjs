import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { require, serve } from './lines.mjs';

const { Client, CopyConditions } = require('minio');
const { hostname, port } = new URL(process.env.AWS_ENDPOINT_URL);
const options = {
  endPoint: hostname,
  port: Number(port),
  useSSL: false,
  accessKey: process.env.AWS_ACCESS_KEY_ID,
  secretKey: process.env.AWS_SECRET_ACCESS_KEY,
};
const client = new Client(options);
const inParts = new Client({ ...options, partSize: 5 * 1024 * 1024 });

await serve({
  version: () => require('minio/package.json').version,
  put: async (bucket, key, file) => void (await client.fPutObject(bucket, key, file)),
  get: async (bucket, key, file) => pipeline(await client.getObject(bucket, key), createWriteStream(file)),
  range: async (bucket, key, file, start, end) =>
    pipeline(
      await client.getPartialObject(bucket, key, Number(start), Number(end) - Number(start)),
      createWriteStream(file),
    ),
  multipart: async (bucket, key, file) => void (await inParts.fPutObject(bucket, key, file)),
  list: async (bucket, prefix) => {
    const keys = [];
    for await (const { name } of client.listObjectsV2(bucket, prefix, true)) keys.push(name);
    return keys;
  },
  copy: async (bucket, from, to) =>
    void (await client.copyObject(bucket, to, `/${bucket}/${from}`, new CopyConditions())),
  delete: (bucket, ...keys) =>
    keys.length === 1
      ? client.removeObject(bucket, keys[0])
      : client.removeObjects(bucket, keys).then(() => []),
  presign: (bucket, key, method) =>
    method === 'GET'
      ? client.presignedGetObject(bucket, key, 600)
      : client.presignedPutObject(bucket, key, 600),
});
