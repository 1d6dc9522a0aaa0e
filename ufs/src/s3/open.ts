/** Builds the S3 driver from its parts. */
import type { Clock } from '@forebay/core/clock';
import type { Log } from '@forebay/core/log';
import { ufsIdentityOf } from '@forebay/core/mount';
import type { Ufs } from '../ufs.ts';
import { addressOf, type S3Location } from './address.ts';
import { ControlClient } from './control-client.ts';
import { keySourceOf } from './credentials.ts';
import { DocumentWrites } from './document-writes.ts';
import { Forwards } from './forwards.ts';
import { Gate } from './gate.ts';
import { LeanClient } from './lean-client.ts';
import { defaultS3Limits, type S3Limits } from './limits.ts';
import { Listings } from './listings.ts';
import { S3Ufs } from './s3-ufs.ts';
import { Signer } from './signer.ts';
import { Transport } from './transport.ts';
import { Uploader } from './uploader.ts';

export interface S3Deps {
  /** Where `env:NAME` credentials are read. The AWS chain reads the process's own environment and files. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly limits?: Partial<S3Limits> | undefined;
  readonly clock?: Clock | undefined;
}

/** Connects to nothing yet. @throws ConfigError where credentials are named and not there. */
export function openS3Ufs(location: S3Location, deps: S3Deps): Ufs {
  const limits = { ...defaultS3Limits, ...deps.limits };
  const address = addressOf(location);
  const keys = keySourceOf(location.credentials, deps.env);
  const signer = new Signer({ address, region: location.region, keys, clock: deps.clock });
  const gate = new Gate({
    slotsMax: limits.connectionsMax,
    waitersMax: limits.waitersMax,
    waitMs: limits.connectionWaitMs,
  });
  const wire = { origin: address.origin, signer, gate, limits };
  const transport = new Transport(wire);
  const uploader = new Uploader(wire);
  const { readDeadlineMs } = limits;
  const lean = new LeanClient({ transport, uploader, log: deps.log, readDeadlineMs });
  const control = new ControlClient(lean);
  const { bucket } = location;
  return new S3Ufs({
    identity: ufsIdentityOf(location),
    region: location.region,
    transport,
    uploader,
    lean,
    forwards: new Forwards(lean),
    control,
    listings: new Listings(control, bucket),
    writes: new DocumentWrites({ control, bucket, slowWriteTimeoutMs: limits.slowWriteTimeoutMs }),
  });
}
