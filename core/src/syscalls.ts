/**
 * System calls that Node does not offer, through koffi: moving bytes between descriptors without a copy,
 * asking what is in memory, and memory that processes share. Linux with glibc or musl only, and only where
 * koffi could be installed: everybody who calls has another way where there is none.
 */
import { isMapped, type Koffi, loadKoffi } from './koffi.ts';
import { residentBytesBy } from './resident-pages.ts';
import { sendMoreBy } from './send-more.ts';

/** Sizes and counts in bytes. A call that fails returns the error number, negated (`-EAGAIN` = -11). */
export interface Syscalls {
  /** File to socket; fewer bytes than asked for where the socket takes no more. sendfile(2) */
  sendfile(socket: number, file: number, offset: number, lengthBytes: number): number;
  /**
   * Bytes to a socket that wait there a moment for what follows them; fewer than given where it takes no
   * more. send(2) with MSG_MORE, without waiting
   */
  sendMore(socket: number, bytes: Uint8Array): number;
  /** Between two descriptors of which one is a pipe, without waiting. splice(2) */
  splice(from: number, to: number, lengthBytes: number): number;
  /**
   * A pipe that never waits: its reading and its writing end. It holds `capacityBytes` in whole pages of
   * memory, or fewer where the system gives no more; a part of a page takes a whole one. @throws Error
   */
  pipe(capacityBytes: number): readonly [from: number, to: number];
  /**
   * A socket counts as readable once so many bytes have come, or it ends, or can hold no more. SO_RCVLOWAT,
   * which only TCP heeds. Never fails: at worst it is readable earlier.
   */
  wakeAtBytes(socket: number, lengthBytes: number): void;
  /**
   * How much of a part of a file is in the page cache; undefined where nobody knows. cachestat(2), or
   * mincore(2) on kernels before 6.5, which costs some microseconds more
   */
  residentBytes(file: number, offset: number, lengthBytes: number): number | undefined;
  /** Reads through this descriptor bring nothing into memory but what they ask for. posix_fadvise(2) */
  readNothingMore(file: number): number;
  /** Part of a file leaves the page cache, where it is on the disk already. posix_fadvise(2) */
  leaveMemory(file: number, offset: number, lengthBytes: number): number;
  /** The file as memory that all who map it share, for as long as this process lives. @throws Error */
  mapShared(file: number, lengthBytes: number): ArrayBuffer;
}

const setPipeSize = 1031;
const socketLevel = 1;
const receiveLowMark = 18;
const flagNonblock = 0x800;
const flagCloseOnExec = 0x80000;
const spliceMove = 1;
const spliceNonblock = 2;
const adviseRandom = 1;
const adviseUnneeded = 4;
const protectReadWrite = 3;
const mapSharedFlag = 1;

let known: { readonly calls: Syscalls | undefined } | undefined;

/** Undefined where there are none: loaded once, at the first call. */
export function syscalls(): Syscalls | undefined {
  known ??= { calls: loadSyscalls() };
  return known.calls;
}

/** @param options `cachestat`: false does without it, as on older kernels */
export function loadSyscalls(options = { cachestat: true }): Syscalls | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    return bind(loadKoffi(), options.cachestat);
  } catch {
    // Not installed, or not for this machine.
    return undefined;
  }
}

function bind(koffi: Koffi, mayCachestat: boolean): Syscalls {
  const libc = koffi.load(null);
  const sendfile = libc.func('int64_t sendfile(int out, int in, void *offset, size_t count)');
  const splice = libc.func(
    'int64_t splice(int from, void *fromOffset, int to, void *toOffset, size_t count, unsigned int flags)',
  );
  const pipe2 = libc.func('int pipe2(void *ends, int flags)');
  const setsockopt = libc.func(
    'int setsockopt(int socket, int level, int name, void *value, uint32_t length)',
  );
  const lowMark = new Int32Array(1);
  const fcntl = libc.func('int fcntl(int file, int command, int value)');
  const fadvise = libc.func('int posix_fadvise(int file, int64_t offset, int64_t length, int advice)');
  const mmap = libc.func(
    'void *mmap(void *at, size_t length, int protect, int flags, int file, int64_t offset)',
  );
  const offset = new BigInt64Array(1);
  const ends = new Int32Array(2);
  const resultOf = (result: unknown): number => {
    const value = Number(result);
    return value < 0 ? -koffi.errno() : value;
  };
  return {
    sendfile(socket, file, start, lengthBytes) {
      offset[0] = BigInt(start);
      return resultOf(sendfile(socket, file, offset, lengthBytes));
    },
    splice(from, to, lengthBytes) {
      return resultOf(splice(from, null, to, null, lengthBytes, spliceMove | spliceNonblock));
    },
    pipe(capacityBytes) {
      const result = resultOf(pipe2(ends, flagNonblock | flagCloseOnExec));
      if (result < 0) throw new Error(`pipe2 failed with error ${-result}`);
      // What a user may hold in pipes is bounded: over it this one stays as small as it is.
      fcntl(ends[1]!, setPipeSize, capacityBytes);
      return [ends[0]!, ends[1]!];
    },
    wakeAtBytes(socket, lengthBytes) {
      lowMark[0] = lengthBytes;
      setsockopt(socket, socketLevel, receiveLowMark, lowMark, 4);
    },
    sendMore: sendMoreBy(koffi),
    residentBytes: residentBytesBy(koffi, mayCachestat),
    readNothingMore(file) {
      // Returns the error number itself.
      return 0 - Number(fadvise(file, 0, 0, adviseRandom));
    },
    leaveMemory(file, start, lengthBytes) {
      return 0 - Number(fadvise(file, start, lengthBytes, adviseUnneeded));
    },
    mapShared(file, lengthBytes) {
      const address = mmap(null, lengthBytes, protectReadWrite, mapSharedFlag, file, 0);
      if (!isMapped(koffi, address)) {
        throw new Error(`mmap failed with error ${koffi.errno()}`);
      }
      return koffi.view(address, lengthBytes);
    },
  };
}
