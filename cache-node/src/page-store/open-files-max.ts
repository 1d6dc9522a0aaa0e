/**
 * How many files of the cache are kept open: what is known of a file's bytes lives as long as it is open, so
 * many are good, and connections need their share.
 */
import { readFileSync } from 'node:fs';

const shareOfLimit = 0.25;
const fewest = 256;
const most = 8192;

/** For each of so many directories. */
export function openFilesMax(directories: number): number {
  const share = Math.min(most, limitOfProcess() * shareOfLimit) / Math.max(1, directories);
  return Math.max(fewest, Math.floor(share));
}

/** Node has raised it as far as it goes. */
function limitOfProcess(): number {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return Number(found?.[1] ?? 0);
  } catch {
    // Not Linux: the few.
    return 0;
  }
}
