/** What a look at a set-up found: what is so, and what to do about it where it is not as it should be. */

export interface Finding {
  /** `config`, `port`, `mount /lake`, ... */
  readonly check: string;
  /** `warn`: it would start, and not do well; `fail`: it would not start, or not serve this. */
  readonly state: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** What to do. Stands wherever the state is not ok. */
  readonly fix?: string;
}

export function ok(check: string, message: string): Finding {
  return { check, state: 'ok', message };
}

export function warn(check: string, message: string, fix: string): Finding {
  return { check, state: 'warn', message, fix };
}

export function fail(check: string, message: string, fix: string): Finding {
  return { check, state: 'fail', message, fix };
}
