/** Lets anybody read the bucket of a UFS: caches that sign nothing are to reach it, too. */
import { SigningS3Client } from 'forebay/demo/s3-client';
import { bucket, type Server } from '../servers.ts';

export async function allowAnyone(ufs: Server): Promise<void> {
  const client = new SigningS3Client(ufs, { connectionsMax: 1 });
  const Statement = [
    { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${bucket}/*` },
  ];
  const body = Buffer.from(JSON.stringify({ Version: '2012-10-17', Statement }));
  await client
    .send({ method: 'PUT', path: `/${bucket}`, query: [['policy', '']], body })
    .finally(() => client.close());
}
