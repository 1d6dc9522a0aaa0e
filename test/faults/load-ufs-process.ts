/** The other side of load-ufs.ts. */
import { type MemoryRequest, startMemoryS3 } from '../support/memory-s3.ts';
import { bodiesOf, keyAt, type LoadUfsCounts, type LoadUfsOptions, sizeBytes } from './load-ufs.ts';

const options = JSON.parse(process.argv[2]!) as LoadUfsOptions;
const { bucket, prefix, count, broken } = options;
const gets = new Map<string, number>();
let bytes = 0;

function onRequest({ method, path }: MemoryRequest) {
  const key = path.slice(bucket.length + 1);
  if (method !== 'GET' || key === '') return undefined;
  gets.set(key, (gets.get(key) ?? 0) + 1);
  if (!broken[key]) bytes += sizeBytes;
  return broken[key];
}

const server = await startMemoryS3({ host: options.host, onRequest });
const bodyOf = bodiesOf(count);
for (let index = 0; index < count; index += 1) server.put(`${bucket}/${keyAt(prefix, index)}`, bodyOf(index));

process.on('disconnect', () => process.exit());
process.on('message', () => process.send?.({ gets, bytes } satisfies LoadUfsCounts));
process.send?.({
  endpoint: server.endpoint,
  env: { UFS_ACCESS_KEY_ID: server.accessKey, UFS_SECRET_ACCESS_KEY: server.secretKey },
});
