/** From a location to its driver: the one table of schemes. */
import { ConfigError } from '@forebay/core/config';
import type { Log } from '@forebay/core/log';
import type { UfsLocation } from '@forebay/core/mount';
import { openFileUfs } from './file/open.ts';
import type { S3Limits } from './s3/limits.ts';
import { openS3Service, openS3Ufs } from './s3/open.ts';
import type { Ufs } from './ufs.ts';
import type { UfsService } from './ufs-service.ts';

export interface UfsDeps {
  /** Where `credentials=env:NAME` is read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** Timeouts and connections of S3 stores; what is left out has its default. */
  readonly s3?: Partial<S3Limits> | undefined;
}

type Drivers = {
  readonly [S in UfsLocation['scheme']]: (
    location: Extract<UfsLocation, { scheme: S }>,
    deps: UfsDeps,
  ) => Ufs | Promise<Ufs>;
};

const drivers: Drivers = {
  s3: (location, { env, log, s3 }) => openS3Ufs(location, { env, log, limits: s3 }),
  file: ({ directory }) => openFileUfs({ directory }),
};

/**
 * @throws ConfigError where the location cannot be used as it is (credentials that are not set). A store that
 * cannot be reached is no error here.
 */
export async function openUfs(location: UfsLocation, deps: UfsDeps): Promise<Ufs> {
  return location.scheme === 's3' ? drivers.s3(location, deps) : drivers.file(location, deps);
}

/** The store behind a pattern mount, with all of its buckets. @throws ConfigError as `openUfs` */
export async function openUfsService(location: UfsLocation, deps: UfsDeps): Promise<UfsService> {
  if (location.scheme !== 's3') throw new ConfigError(`${location.scheme}:// has no buckets of its own`);
  return openS3Service(location, { env: deps.env, log: deps.log, limits: deps.s3 });
}
