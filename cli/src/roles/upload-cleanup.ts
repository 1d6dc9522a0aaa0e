/** Aborts uploads that nobody goes on with, where a mount says so. */
import type { Clock } from '@forebay/core/clock';
import type { Log } from '@forebay/core/log';
import { UploadCleanup, type UploadCleanupOptions } from '@forebay/ufs/abandoned-uploads';
import type { Undoing } from './undoing.ts';

export function startCleanup(
  of: Pick<UploadCleanupOptions, 'ufsOf' | 'aborted' | 'mounts'>,
  { clock, log, undoing }: { readonly clock: Clock; readonly log: Log; readonly undoing: Undoing },
): void {
  const cleanup = new UploadCleanup({ ...of, clock, log });
  cleanup.start();
  undoing.add(() => cleanup.stop());
}
