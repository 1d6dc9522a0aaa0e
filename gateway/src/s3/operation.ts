/** What a row of the operation table is, and what handlers are made of. */
import type { CacheNode } from '@forebay/core/cache-node';
import type { Clock } from '@forebay/core/clock';
import type { Mount } from '@forebay/core/mount';
import type { Registry } from '@forebay/core/registry';
import type { Ufs } from '@forebay/ufs/ufs';
import type { UfsService } from '@forebay/ufs/ufs-service';
import type { ListCache } from '../namespace/list-cache.ts';
import type { GatewayConfig } from '../settings.ts';
import type { ObjectWriter, WriteHandler } from '../write-object.ts';
import type { CorsConfigurations } from './cors/cors-configurations.ts';
import type { S3Handler, S3HandlerNow } from './types.ts';

export interface OperationDeps {
  readonly registry: Registry;
  readonly cacheNode: CacheNode;
  readonly ufsOf: (mount: Mount) => Ufs | Promise<Ufs>;
  readonly serviceOf: (pattern: Mount) => UfsService | Promise<UfsService>;
  readonly writer: ObjectWriter;
  readonly cors: CorsConfigurations;
  readonly lists: ListCache;
  readonly settings: Pick<GatewayConfig, 'xmlBodyBytesMax' | 'formMemoryBytesMax' | 'whiteSpaceIntervalMs'>;
  readonly clock: Clock;
}

export type OperationTarget = 'service' | 'bucket' | 'object';

export interface Operation {
  /** AWS's own name: in the access log, in metrics and in docs/s3-operations.md. */
  readonly name: string;
  readonly method: string;
  readonly target: OperationTarget;
  /** Query parameters that must be there: `uploads`, or with a value, `list-type=2`. */
  readonly query?: readonly string[];
  /** Parameters that may be there and mean something: of sub-resources, or without a value on a write. */
  readonly optionalQuery?: readonly string[];
  /** Request headers that must be there. */
  readonly headers?: readonly string[];
  /** Open to anonymous callers where the mount says `anonymous: read`. */
  readonly anonymous?: true;
  /**
   * Answers without an object of the UFS changing under a key. Absent together with `write`: not
   * implemented.
   */
  readonly read?: (deps: OperationDeps) => S3Handler;
  /** The part of `read` that needs no wait, asked before it. */
  readonly readNow?: (deps: OperationDeps) => S3HandlerNow;
  /** Changes what is stored under a key, so its success carries the proof of a lifted fence. */
  readonly write?: (deps: OperationDeps) => WriteHandler;
  /** For docs/s3-operations.md: what is particular here. */
  readonly note?: string;
}
