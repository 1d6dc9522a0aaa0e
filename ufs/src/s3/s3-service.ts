/** An S3 store as the service behind a pattern mount: its buckets are listed, made and deleted. */
import { GetBucketLocationCommand, ListBucketsCommand } from '@aws-sdk/client-s3';
import { type HeaderList, headerValue } from '@forebay/core/object';
import type { Ufs, UfsWritten } from '../ufs.ts';
import type { UfsBucketCreation, UfsBucketPage, UfsBucketRead, UfsService } from '../ufs-service.ts';
import { writtenHeadersOf } from './headers.ts';
import type { S3Store } from './store.ts';

/** As many as S3 lists at once. */
const pageBuckets = 10_000;

export class S3Service implements UfsService {
  readonly region: string;
  readonly #store: S3Store;

  constructor(store: S3Store) {
    this.region = store.region;
    this.#store = store;
  }

  bucket(name: string): Ufs {
    return this.#store.ufsOf(name, async () => {});
  }

  async listBuckets(request: {
    prefix: string;
    token?: string | undefined;
    signal?: AbortSignal | undefined;
  }): Promise<UfsBucketPage> {
    const { prefix, token, signal } = request;
    const command = new ListBucketsCommand({
      MaxBuckets: pageBuckets,
      ...(prefix !== '' && { Prefix: prefix }),
      ...(token !== undefined && { ContinuationToken: token }),
    });
    const { output } = await this.#store.ofService().control.run(command, {
      method: 'GET',
      about: 'bucket',
      signal,
    });
    return {
      buckets: (output.Buckets ?? []).map(({ Name, CreationDate, BucketRegion }) => ({
        name: Name ?? '',
        createdAtMs: CreationDate?.getTime() ?? 0,
        region: BucketRegion || undefined,
      })),
      nextToken: output.ContinuationToken || undefined,
    };
  }

  async headBucket(name: string, { headers, signal }: UfsBucketRead = {}) {
    const { lean } = this.#store.ofBucket(name);
    const answer = await lean.read({ method: 'HEAD', about: 'bucket', headers, signal });
    await answer.body.return();
    return { region: headerValue(answer.headers, 'x-amz-bucket-region') };
  }

  async bucketLocation(name: string, { headers, signal }: UfsBucketRead = {}): Promise<string> {
    const command = new GetBucketLocationCommand({ Bucket: name });
    const { control } = this.#store.ofBucket(name);
    const { output } = await control.run(command, { method: 'GET', about: 'bucket', headers, signal });
    return output.LocationConstraint ?? '';
  }

  async createBucket(name: string, { headers, body }: UfsBucketCreation): Promise<UfsWritten> {
    const { lean } = this.#store.ofBucket(name);
    const answer = await lean.write({ method: 'PUT', about: 'bucket', headers, body });
    return { headers: writtenHeadersOf(answer.headers) };
  }

  async deleteBucket(name: string, { headers }: { headers: HeaderList }): Promise<UfsWritten> {
    const answer = await this.#store
      .ofBucket(name)
      .lean.write({ method: 'DELETE', about: 'bucket', headers });
    return { headers: writtenHeadersOf(answer.headers) };
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
