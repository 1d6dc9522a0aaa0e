/** Why the registry does not do what it was asked to. */

export type RegistryErrorCode =
  | 'path-taken'
  | 'not-mounted'
  | 'too-many-mounts'
  | 'name-taken'
  | 'key-taken'
  | 'no-such-user'
  | 'too-many-users'
  | 'not-pinned'
  | 'too-many-pins'
  | 'no-such-job'
  | 'job-over'
  | 'too-many-jobs';

export class RegistryError extends Error {
  readonly code: RegistryErrorCode;
  constructor(code: RegistryErrorCode, message: string) {
    super(message);
    this.name = 'RegistryError';
    this.code = code;
  }
}
