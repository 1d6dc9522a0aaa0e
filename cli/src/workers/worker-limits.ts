/** How many workers there are, and which part of the limits each of them gets. */
import { availableParallelism } from 'node:os';
import { syscalls } from '@forebay/core/syscalls';
import type { ServeValues } from '../settings.ts';

const workersMax = 256;

export interface WorkersPlan {
  /** 1: everything is in one process. */
  readonly workers: number;
  /** Why there are fewer than were asked for. */
  readonly reason: string | undefined;
}

export function planWorkers({ workers }: Pick<ServeValues, 'workers'>): WorkersPlan {
  const asked = workers === 0 ? Math.min(availableParallelism(), workersMax) : workers;
  if (asked === 1 || syscalls()) return { workers: asked, reason: undefined };
  const reason =
    'several workers need shared memory through koffi, which is not installed or does not work here';
  return { workers: 1, reason: workers === 0 ? undefined : reason };
}

/** Of what workers send to a UFS: lists, writes and what is passed through. Reads are the owner's. */
const ufsShare = 0.5;

/** What the workers have together is the setting, rounded up. */
export function valuesOfWorker(values: ServeValues, workers: number): ServeValues {
  const part = (limit: number) => Math.max(1, Math.ceil(limit / workers));
  return {
    ...values,
    connectionsMax: part(values.connectionsMax),
    requestsInFlightMax: part(values.requestsInFlightMax),
    formMemoryBytesMax: Math.max(formBytesMin, part(values.formMemoryBytesMax)),
    listCacheBytesMax: part(values.listCacheBytesMax),
    ufsConnectionsMax: part(values.ufsConnectionsMax * ufsShare),
  };
}

/** One file of a form has to fit. */
const formBytesMin = 5 * 1024 * 1024;

export function valuesOfOwner(values: ServeValues): ServeValues {
  return { ...values, ufsConnectionsMax: Math.max(1, Math.floor(values.ufsConnectionsMax * (1 - ufsShare))) };
}
