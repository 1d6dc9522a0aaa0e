/** How much of a file is in the page cache: cachestat(2), or on kernels before 6.5 mincore(2). */
import { fstatSync } from 'node:fs';
import { isMapped, type Koffi } from './koffi.ts';

/** The same on every architecture: it is newer than their common table. */
const cachestatNumber = 451;
const pageBytes = 4096;
const protectRead = 1;
const mapShared = 1;
const notPermitted = -1;
const unknownCall = -38;

/** Pages of a file, or an error number, negated. */
type CountPages = (file: number, firstPage: number, pages: number) => number;

/** Bytes; undefined where nobody knows. */
export type ResidentBytes = (file: number, offset: number, lengthBytes: number) => number | undefined;

export function residentBytesBy(koffi: Koffi, mayCachestat: boolean): ResidentBytes {
  const cachestat = cachestatOf(koffi);
  const mincore = mincoreOf(koffi);
  let hasCachestat = mayCachestat;
  return (file, offset, lengthBytes) => {
    const firstPage = Math.floor(offset / pageBytes);
    const pages = Math.ceil((offset + lengthBytes) / pageBytes) - firstPage;
    let resident = hasCachestat ? cachestat(file, firstPage, pages) : unknownCall;
    hasCachestat &&= resident !== unknownCall;
    if (!hasCachestat) resident = mincore(file, firstPage, pages);
    if (resident < 0) return undefined;
    return resident >= pages ? lengthBytes : resident * pageBytes;
  };
}

function cachestatOf(koffi: Koffi): CountPages {
  const call = koffi
    .load(null)
    .func('long syscall(long number, int file, void *range, void *found, unsigned int flags)');
  const range = new BigUint64Array(2);
  const found = new BigUint64Array(5);
  return (file, firstPage, pages) => {
    range[0] = BigInt(firstPage * pageBytes);
    range[1] = BigInt(pages * pageBytes);
    return Number(call(cachestatNumber, file, range, found, 0)) < 0 ? -koffi.errno() : Number(found[0]);
  };
}

/** By mapping them. */
function mincoreOf(koffi: Koffi): CountPages {
  const libc = koffi.load(null);
  const mmap = libc.func(
    'void *mmap(void *at, size_t length, int protect, int flags, int file, int64_t offset)',
  );
  const mincore = libc.func('int mincore(void *at, size_t length, void *found)');
  const munmap = libc.func('int munmap(void *at, size_t length)');
  const user = process.geteuid?.();
  let found = new Uint8Array(4096);
  return (file, firstPage, pages) => {
    // Of the files of others it says that all is there.
    if (user !== 0 && fstatSync(file).uid !== user) return notPermitted;
    if (pages > found.length) found = new Uint8Array(pages);
    const lengthBytes = pages * pageBytes;
    const address = mmap(null, lengthBytes, protectRead, mapShared, file, firstPage * pageBytes);
    if (!isMapped(koffi, address)) return -koffi.errno();
    const error = Number(mincore(address, lengthBytes, found)) < 0 ? koffi.errno() : 0;
    munmap(address, lengthBytes);
    if (error !== 0) return -error;
    let resident = 0;
    for (let page = 0; page < pages; page += 1) resident += found[page]! & 1;
    return resident;
  };
}
