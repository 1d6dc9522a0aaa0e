/**
 * What the Linux kernel tells of other processes: CPU of all threads, the processes below one, and which of
 * them listens on a port. On other systems nothing of it is known.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * Microseconds in user and system mode since the process started; undefined where the system does not tell.
 * schedstat counts nanoseconds, /proc/PID/stat only ticks of 10 ms, which is more than many small requests
 * cost. A thread that has ended is no longer counted: neither Node nor Go ends threads while it is busy.
 */
export function cpuMicros(pid: number): number | undefined {
  try {
    let nanos = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      nanos += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    }
    return nanos / 1000;
  } catch {
    return undefined;
  }
}

/** The process and all below it. Empty where the system does not tell. */
export function processTree(pid: number): number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
    return [pid, ...children.flatMap(processTree)];
  } catch {
    return [];
  }
}

/** Of the process and all below it. */
export function treeCpuMicros(pid: number): number | undefined {
  const all = processTree(pid).map(cpuMicros);
  if (all.length === 0 || all.includes(undefined)) return undefined;
  return all.reduce<number>((sum, us) => sum + us!, 0);
}

/** Processes of this machine that listen on a TCP port, without those whose parent does too. */
export function listenersOn(port: number): number[] {
  const sockets = listeningSockets(port);
  if (sockets.size === 0) return [];
  const pids = processes().filter((pid) => holdsOneOf(pid, sockets));
  const below = new Set(pids.flatMap((pid) => processTree(pid).slice(1)));
  return pids.filter((pid) => !below.has(pid));
}

const listening = '0A';

/** As they are called in /proc/PID/fd. */
function listeningSockets(port: number): Set<string> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const found = new Set<string>();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of linesOf(file)) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(suffix) && fields[3] === listening) found.add(`socket:[${fields[9]}]`);
    }
  }
  return found;
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(1);
  } catch {
    return [];
  }
}

function processes(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** False for processes of other users, whose files we may not see. */
function holdsOneOf(pid: number, sockets: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => sockets.has(linkOf(`/proc/${pid}/fd/${fd}`)));
  } catch {
    return false;
  }
}

/** Empty for a file that has just been closed. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
