/**
 * Whether a page directory can be used. Errors that say more than "this once" take it out of use at once,
 * others when several come in a row; it is probed in the background, later and later, and used again when it
 * answers.
 */
import type { Log } from '@forebay/core/log';

export type DirectoryState = 'ok' | 'read-only' | 'failed';
export type DiskOp = 'store' | 'read';

const errorsInARowMax = 3;
const probeDelayMinMs = 1000;
const probeDelayMaxMs = 60_000;
/** Fails again within this time after it came back: the next probe waits longer. */
const relapseMs = 60_000;

/** Nothing can be written; what is there may be read. */
const readOnlyCodes = new Set(['EROFS', 'EACCES', 'EPERM']);
/** The directory, or the disk under it, is gone. */
const goneCodes = new Set(['ENOENT', 'ENOTDIR', 'ENODEV', 'ENXIO', 'ESTALE', 'ENOTCONN', 'ELOOP']);
const fullCodes = new Set(['ENOSPC', 'EDQUOT']);

export interface HealthOptions {
  readonly path: string;
  readonly log: Log;
  readonly onError: (op: DiskOp) => void;
  /** The disk is full below the cap. */
  readonly onFull: () => void;
  /** Resolves when the directory works; throws why it does not. */
  readonly probe: () => Promise<void>;
  readonly nowMs: () => number;
  readonly probeDelayMs?: number | undefined;
}

export class DirectoryHealth {
  readonly #options: HealthOptions;
  #state: DirectoryState = 'ok';
  #reason: string | undefined;
  #errorsInARow = 0;
  #delayMs: number;
  #recoveredAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#delayMs = options.probeDelayMs ?? probeDelayMinMs;
  }

  get state(): DirectoryState {
    return this.#state;
  }

  /** For people; undefined where all is well. */
  get reason(): string | undefined {
    return this.#reason;
  }

  get canWrite(): boolean {
    return this.#state === 'ok';
  }

  get canRead(): boolean {
    return this.#state !== 'failed';
  }

  good(): void {
    this.#errorsInARow = 0;
  }

  bad(op: DiskOp, error: unknown): void {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (code === 'ENOROOM') return;
    this.#options.onError(op);
    if (fullCodes.has(code)) {
      this.#options.onFull();
      return;
    }
    this.#errorsInARow += 1;
    if (op === 'store' && readOnlyCodes.has(code)) this.outOfUse('read-only', message);
    else if (goneCodes.has(code) || this.#errorsInARow >= errorsInARowMax) this.outOfUse('failed', message);
    else
      this.#options.log.warn({ directory: this.#options.path, op, reason: message }, 'page directory error');
  }

  outOfUse(state: DirectoryState, reason: string): void {
    if (this.#closed || this.#state === state || this.#state === 'failed') return;
    this.#state = state;
    this.#reason = reason;
    const { path, log, nowMs } = this.#options;
    log.warn({ directory: path, state, reason }, 'page directory out of use; reads go on without it');
    if (nowMs() - this.#recoveredAtMs > relapseMs)
      this.#delayMs = this.#options.probeDelayMs ?? probeDelayMinMs;
    this.#schedule();
  }

  /** No probe runs after this. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#probe(), this.#delayMs);
    this.#timer.unref();
    this.#delayMs = Math.min(this.#delayMs * 2, probeDelayMaxMs);
  }

  async #probe(): Promise<void> {
    const { path, log, nowMs, probe } = this.#options;
    try {
      await probe();
    } catch (error) {
      this.#reason = (error as Error).message;
      if (!this.#closed) this.#schedule();
      return;
    }
    if (this.#closed) return;
    this.#state = 'ok';
    this.#reason = undefined;
    this.#errorsInARow = 0;
    this.#recoveredAtMs = nowMs();
    log.info({ directory: path }, 'page directory in use again');
  }
}
