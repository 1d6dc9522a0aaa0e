/** How many workers there are, and which part of the limits each of them gets. */
import { availableParallelism } from 'node:os';
import type { Cells } from '@forebay/core/changes';
import type { ServeValues } from '../settings.ts';
import { makeCells, voidCells } from './shared-cells.ts';

const workersMax = 256;

export type WorkersPlan =
  /** One process does everything. `reason`: why, where more were asked for. */
  | { readonly workers: 1; readonly cells: undefined; readonly reason: string | undefined }
  | {
      readonly workers: number;
      readonly cells: Cells;
      readonly cellsPath: string;
      readonly reason: undefined;
    };

/** @param cellsPath where the file of the cells is made, if there are several */
export function planWorkers({ workers }: Pick<ServeValues, 'workers'>, cellsPath: string): WorkersPlan {
  voidCells(cellsPath);
  const asked = workers === 0 ? Math.min(availableParallelism(), workersMax) : workers;
  if (asked === 1) return { workers: 1, cells: undefined, reason: undefined };
  try {
    return { workers: asked, cells: makeCells(cellsPath), cellsPath, reason: undefined };
  } catch (error) {
    const reason = `several workers need memory that processes share: ${(error as Error).message}`;
    return { workers: 1, cells: undefined, reason: workers === 0 ? undefined : reason };
  }
}

/** Of what workers send to a UFS: lists, writes and what is passed through. Reads are the owner's. */
export const ufsShare = 0.5;

type Shared =
  | 'connectionsMax'
  | 'requestsInFlightMax'
  | 'formMemoryBytesMax'
  | 'listCacheBytesMax'
  | 'ufsConnectionsMax';

/**
 * What the workers have together is the setting, rounded up.
 * @param ofUfs their part of the connections to UFSs
 */
export function valuesOfWorker<V extends Pick<ServeValues, Shared>>(
  values: V,
  workers: number,
  ofUfs = 1,
): V {
  const part = (limit: number) => Math.max(1, Math.ceil(limit / workers));
  return {
    ...values,
    connectionsMax: part(values.connectionsMax),
    requestsInFlightMax: part(values.requestsInFlightMax),
    formMemoryBytesMax: Math.max(formBytesMin, part(values.formMemoryBytesMax)),
    listCacheBytesMax: part(values.listCacheBytesMax),
    ufsConnectionsMax: part(values.ufsConnectionsMax * ofUfs),
  };
}

/** One file of a form has to fit. */
const formBytesMin = 5 * 1024 * 1024;

export function valuesOfOwner(values: ServeValues): ServeValues {
  return { ...values, ufsConnectionsMax: Math.max(1, Math.floor(values.ufsConnectionsMax * (1 - ufsShare))) };
}
