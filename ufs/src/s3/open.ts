/** The S3 driver: one bucket, or a store with all of its buckets. */
import type { Ufs } from '../ufs.ts';
import type { UfsService } from '../ufs-service.ts';
import type { S3Location } from './address.ts';
import { S3Service } from './s3-service.ts';
import { type S3Deps, S3Store } from './store.ts';

/** Connects to nothing yet. @throws ConfigError where credentials are named and not there. */
export function openS3Ufs(location: S3Location, deps: S3Deps): Ufs {
  const store = new S3Store(location, deps);
  return store.ufsOf(location.bucket, () => store.close());
}

/** The same of a pattern mount's location, whose bucket is any. */
export function openS3Service(location: S3Location, deps: S3Deps): UfsService {
  return new S3Service(new S3Store(location, deps));
}
