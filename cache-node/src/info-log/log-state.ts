/**
 * What the info log knows of itself: one small file, replaced whole. From it follows how far records may be
 * trusted. While the machine runs, all that was written is there, however the process ends. If the machine
 * itself went down without a clean close, the latest drops may be lost: then no record from before is trusted
 * until the UFS confirmed it, also where a mount is `immutable`.
 */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from '@node-rs/crc32';
import { type LogFiles, replaceFile, syncPath } from './log-files.ts';

export interface LogState {
  /** One of its own for each log that was begun anew: files of another are none of its. */
  readonly logId: number;
  /** Counts the runs of processes on this log. */
  readonly session: number;
  /** Records of earlier sessions are not to be trusted. */
  readonly trustedFrom: number;
  /** `undefined` where the system names its boots not. */
  readonly bootId: string | undefined;
  readonly isClosed: boolean;
}

const version = 1;

export function newLogState(bootId: string | undefined): LogState {
  return { logId: randomInt(1, 2 ** 32), session: 1, trustedFrom: 1, bootId, isClosed: false };
}

/** The state of the next run. */
export function nextSession(before: LogState, bootId: string | undefined): LogState {
  const session = before.session + 1;
  const sameBoot = bootId !== undefined && bootId === before.bootId;
  const trustedFrom = before.isClosed || sameBoot ? before.trustedFrom : session;
  return { logId: before.logId, session, trustedFrom, bootId, isClosed: false };
}

/** `undefined`: there is none, or it is damaged, and nothing beside it means anything. */
export function readLogState(files: LogFiles, directory: string): LogState | undefined {
  try {
    const text = files.readFileSync(statePath(directory), 'utf8');
    const [body, sum] = text.split('\n');
    if (body === undefined || sum !== sumOf(body)) return undefined;
    const { version: found, ...state } = JSON.parse(body) as LogState & { version: number };
    return found === version ? { ...state, bootId: state.bootId } : undefined;
  } catch {
    return undefined;
  }
}

/** @throws Error */
export function writeLogState(files: LogFiles, directory: string, state: LogState): void {
  const body = JSON.stringify({ version, ...state });
  replaceFile(files, statePath(directory), `${body}\n${sumOf(body)}\n`);
}

/** Nobody may find an earlier run's clean close in its place, whatever the machine does. @throws Error */
export function syncLogState(files: LogFiles, directory: string): void {
  syncPath(files, statePath(directory));
  syncPath(files, directory);
}

/** First of all, when everything goes: what may be left behind then is nobody's. @throws Error */
export function removeLogState(files: LogFiles, directory: string): void {
  files.rmSync(statePath(directory), { force: true });
}

/** Whether a later process may find a log here, as far as can be seen now. */
export function mayHaveLogState(files: LogFiles, directory: string): boolean {
  try {
    files.readFileSync(statePath(directory));
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

/** Names this boot of the machine, where the system does. */
export function systemBootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

function statePath(directory: string): string {
  return join(directory, 'state');
}

function sumOf(text: string): string {
  return crc32(text).toString(16);
}
