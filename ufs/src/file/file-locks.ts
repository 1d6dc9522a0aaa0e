/**
 * The locks of all directories: one set for the process, not for the driver, as two mounts of one directory
 * must exclude each other's writers. A process that shares its directories with others says how (`shareBy`).
 */
import { KeyLocks } from '../local/key-locks.ts';

export const fileLocks = new KeyLocks();
