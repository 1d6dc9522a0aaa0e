/**
 * The CORS rules of the UFS buckets behind mounts, remembered for a short while, as browsers ask for them
 * before and with every request. A change through this gateway counts at once, any other within the time that
 * rules are remembered.
 */

import { type Cells, cellOf, corsOf } from '@forebay/core/changes';
import type { Clock } from '@forebay/core/clock';
import { isUfsAnswer } from '@forebay/core/errors';
import { type Mount, ufsIdentityOf } from '@forebay/core/mount';
import { wholeOf } from '@forebay/core/pieces';
import type { Ufs } from '@forebay/ufs/ufs';
import { parseCorsConfiguration } from '../xml.ts';
import type { CorsRule } from './cors-rules.ts';

const rememberedMs = 30_000;
/** After a UFS gave no usable answer. */
const failureRememberedMs = 1_000;
/** Browsers wait for the rules, and so does every request with an Origin. */
const answerTimeoutMs = 5_000;
const bucketsMax = 1_000;
/** S3's own limit on the document. */
const documentBytesMax = 64 * 1024;

interface Remembered {
  /** The UFS bucket. */
  readonly ufsIdentity: string;
  readonly rules: Promise<readonly CorsRule[]>;
  /** How often the bucket's rules had changed when it was asked. */
  readonly changes: number;
  untilMs: number;
}

export interface CorsConfigurationsOptions {
  readonly ufsOf: (mount: Mount) => Ufs | Promise<Ufs>;
  readonly clock: Clock;
  /** Shared by the processes of this gateway; undefined: it is one. */
  readonly cells?: Cells | undefined;
}

export class CorsConfigurations {
  readonly #options: CorsConfigurationsOptions;
  /**
   * By mount and UFS bucket, the one asked for longest ago first: each mount asks with its own credentials,
   * and the pattern mount for many buckets.
   */
  readonly #remembered = new Map<string, Remembered>();

  constructor(options: CorsConfigurationsOptions) {
    this.#options = options;
  }

  /** None where the bucket has none, or its UFS cannot tell. Never rejects. */
  rulesOf(mount: Mount): Promise<readonly CorsRule[]> {
    const ufsIdentity = ufsIdentityOf(mount.ufs);
    const nowMs = this.#options.clock.monotonicMs();
    const id = `${mount.path}\0${ufsIdentity}`;
    const known = this.#remembered.get(id);
    const changes = this.#options.cells?.valueOf(cellOf(corsOf(ufsIdentity))) ?? 0;
    if (known && known.untilMs > nowMs && known.changes === changes) return known.rules;
    const fetched = this.#fetch(mount);
    const entry: Remembered = {
      ufsIdentity,
      changes,
      untilMs: nowMs + rememberedMs,
      rules: fetched.catch(() => {
        entry.untilMs = this.#options.clock.monotonicMs() + failureRememberedMs;
        return [];
      }),
    };
    this.#remember(id, entry);
    return entry.rules;
  }

  /** What was known of the mount's UFS bucket is void, through whatever mount. */
  drop(mount: Mount): void {
    const ufsIdentity = ufsIdentityOf(mount.ufs);
    this.#options.cells?.changed(corsOf(ufsIdentity));
    for (const [id, entry] of this.#remembered) {
      if (entry.ufsIdentity === ufsIdentity) this.#remembered.delete(id);
    }
  }

  #remember(id: string, entry: Remembered): void {
    this.#remembered.delete(id);
    this.#remembered.set(id, entry);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > bucketsMax && oldest !== undefined) this.#remembered.delete(oldest);
  }

  async #fetch(mount: Mount): Promise<readonly CorsRule[]> {
    const ufs = await this.#options.ufsOf(mount);
    const query = [['cors', '']] as const;
    const signal = AbortSignal.timeout(answerTimeoutMs);
    try {
      const { body } = await ufs.forward({ method: 'GET', effect: 'read', query, headers: [], signal });
      return parseCorsConfiguration(await bounded(body));
    } catch (error) {
      // Not configured, not known there, not ours to read: for a browser it is all the same.
      if (isUfsAnswer(error) && (error.answer.status < 500 || error.answer.code === 'NotImplemented'))
        return [];
      throw error;
    }
  }
}

async function bounded(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const bytes = await wholeOf(body, documentBytesMax);
  if (!bytes) throw new Error('the CORS configuration is too long');
  return bytes;
}
