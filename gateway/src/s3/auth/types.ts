/** What authentication takes and gives. */

import type { Clock } from '@forebay/core/clock';
import type { Permissions } from '@forebay/core/policy/permissions';
import type { SigningKeys } from '@forebay/core/sigv4';
import type { RawHeaders } from '../headers.ts';
import type { PayloadMode } from '../payload/payload-mode.ts';
import type { ParsedTarget } from '../raw-target.ts';
import type { Principal } from '../types.ts';

export interface AuthRequest {
  readonly method: string;
  readonly target: ParsedTarget;
  readonly headers: RawHeaders;
  /** The host that the client signed: see forwarded-host.ts. */
  readonly host: string;
}

export interface Credential {
  readonly secretKey: string;
  /** Of the user, for policies and logs. */
  readonly name: string;
  readonly permissions: Permissions | 'all';
}

export interface AuthDeps {
  readonly credentials: (accessKey: string) => Credential | undefined;
  readonly clock: Pick<Clock, 'wallMs'>;
  /** Whether links signed with signature version 2 are served. */
  readonly sigv2: 'presigned' | 'off';
  readonly signingKeys: SigningKeys;
}

export interface Authenticated {
  readonly principal: Principal;
  readonly payloadMode: PayloadMode;
  /** The request's headers, and those that a presigned link carries in its query. */
  readonly effectiveHeaders: RawHeaders;
}
