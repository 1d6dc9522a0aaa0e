/**
 * What the owner and its workers tell each other over the channel that the system gives parent and child: the
 * only place where secrets pass between them.
 */
import type { HotFacts, HotQuestion } from '@forebay/cache-node/hot/hot-facts';
import type { HotUses } from '@forebay/cache-node/hot/hot-uses';
import type { LogLevel } from '@forebay/core/log';
import type { WriterRenewal } from '@forebay/core/membership';
import type { MetricValues } from '@forebay/core/metrics';
import type { PlainView } from '@forebay/core/plain-view';
import type { DataPlaneAddress } from '@forebay/data-plane/cache-node-server';
import type { RootCredentials } from '../data-dir.ts';
import type { GatewayRoleValues, ServeValues } from '../settings.ts';
import type { ProcessReport, ReportQuestion } from './reports.ts';

interface StartOf<Role extends string, Values> {
  readonly kind: 'start';
  readonly role: Role;
  /** Where all workers listen: the system deals connections out to them. */
  readonly host: string;
  readonly port: number;
  /** Its share of the limits. */
  readonly values: Values;
  /** How many share them. */
  readonly workers: number;
  readonly logLevel: LogLevel;
  readonly nodeId: string;
  readonly rootUser: RootCredentials;
  readonly view: PlainView;
  /** The file of the cells, of `cellsBytes`. */
  readonly cellsPath: string;
}

/** Of `serve`. */
export interface ServeWorkerStart extends StartOf<'serve', ServeValues> {
  /** Where the owner's data plane listens, and what proves that it is the worker who speaks. */
  readonly dataPlane: { readonly address: DataPlaneAddress; readonly secret: string };
}

/** Of a cluster's gateway. */
export interface GatewayWorkerStart extends StartOf<'gateway', GatewayRoleValues> {
  readonly clusterSecret: string;
}

export type WorkerStart = ServeWorkerStart | GatewayWorkerStart;

export type ToWorker =
  | WorkerStart
  | { readonly kind: 'view'; readonly id: number; readonly view: PlainView }
  | { readonly kind: 'metrics'; readonly id: number }
  | { readonly kind: 'report'; readonly id: number; readonly question: ReportQuestion }
  | { readonly kind: 'facts'; readonly id: number; readonly facts: HotFacts | undefined }
  /** The lock of this id is the worker's. */
  | { readonly kind: 'locked'; readonly id: number }
  /** The view that was told last is the newest, or the registry does not answer. */
  | { readonly kind: 'refreshed'; readonly id: number }
  /** Whether the worker has its lease: not where no registry answers. */
  | { readonly kind: 'renewedWriter'; readonly id: number; readonly granted: boolean }
  | { readonly kind: 'drain'; readonly deadlineMs: number };

/** An object by its names: mounts are told apart by each process itself. */
export interface PlainQuestion {
  readonly mountPath: string;
  readonly bucket: string;
  readonly ufsKey: string;
  readonly versionId: string | undefined;
  readonly first: HotQuestion['first'];
  readonly endExclusive: HotQuestion['endExclusive'];
}

export type ToOwner =
  | { readonly kind: 'serving' }
  /** The view of this id counts here. */
  | { readonly kind: 'viewed'; readonly id: number }
  | { readonly kind: 'metrics'; readonly id: number; readonly values: MetricValues }
  | { readonly kind: 'reported'; readonly id: number; readonly report: ProcessReport }
  | { readonly kind: 'ask'; readonly id: number; readonly question: PlainQuestion }
  | { readonly kind: 'uses'; readonly uses: HotUses }
  /** Asks for the newest view of the registry. */
  | { readonly kind: 'refresh'; readonly id: number }
  /** Asks the registry for the lease of who writes. */
  | { readonly kind: 'renewWriter'; readonly id: number; readonly request: WriterRenewal }
  | { readonly kind: 'lock'; readonly id: number; readonly name: string }
  | { readonly kind: 'unlock'; readonly id: number }
  /** The last word. */
  | { readonly kind: 'drained'; readonly values: MetricValues };
