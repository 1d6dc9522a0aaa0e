/** What is used of koffi, which calls functions of the C library. */
import { createRequire } from 'node:module';

export interface Koffi {
  load(library: string | null): { func(prototype: string): (...args: unknown[]) => unknown };
  errno(): number;
  view(pointer: unknown, lengthBytes: number): ArrayBuffer;
  address(pointer: unknown): bigint;
}

/** @throws Error where it is not installed, or not for this machine. */
export function loadKoffi(): Koffi {
  return createRequire(import.meta.url)('koffi') as Koffi;
}

/** Whether `mmap` has given memory. */
export function isMapped(koffi: Koffi, address: unknown): boolean {
  return address !== null && koffi.address(address) !== 0xffff_ffff_ffff_ffffn;
}
