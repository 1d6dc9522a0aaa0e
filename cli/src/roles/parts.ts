/** What the parts of a role share while it starts. */
import type { Clock } from '@forebay/core/clock';
import type { Log } from '@forebay/core/log';
import type { ServeConfig } from '../serve-config.ts';
import type { Undoing } from './undoing.ts';

export interface Parts {
  readonly config: ServeConfig;
  readonly log: Log;
  readonly clock: Clock;
  readonly undoing: Undoing;
}
