/**
 * Multipart uploads that were begun and given up cost disk until somebody aborts them. A mount says with
 * `abortUploadsAfter` how long one may lie untouched: since its newest part, or its creation where it has
 * none. A part that comes in between the look at an upload and its abort is lost with it.
 */
import type { Clock } from '@forebay/core/clock';
import { isUfsAnswer } from '@forebay/core/errors';
import type { Log } from '@forebay/core/log';
import { isPattern, type Mount, type MountTable } from '@forebay/core/mount';
import type { UfsMetrics } from './metered.ts';
import type { Ufs, UfsUploadList } from './ufs.ts';

type Upload = UfsUploadList['uploads'][number];

const pageSize = 1000;

export interface AbandonedUploadsOptions {
  readonly prefix: string;
  /** Wall clock: an upload touched at this time or later stays. */
  readonly touchedBeforeMs: number;
  /** Most that are aborted in one call. */
  readonly countMax: number;
  /** Whether the key (whole, as the UFS has it) is the mount's own and not a nested one's. */
  owns(key: string): boolean;
  onAborted(upload: Upload): void;
  readonly signal: AbortSignal;
}

/** @throws what the UFS throws; what was aborted until then is. */
export async function abortAbandonedUploads(ufs: Ufs, options: AbandonedUploadsOptions): Promise<void> {
  let aborted = 0;
  for await (const upload of uploadsOf(ufs, options)) {
    if (options.signal.aborted || aborted === options.countMax) return;
    if (!upload.key.startsWith(options.prefix) || !options.owns(upload.key)) continue;
    try {
      if (await isTouched(ufs, upload, options.touchedBeforeMs)) continue;
      await ufs.abortUpload(upload.key, upload.uploadId);
    } catch (error) {
      // Completed or aborted meanwhile.
      if (isUfsAnswer(error, 'NoSuchUpload')) continue;
      throw error;
    }
    aborted += 1;
    options.onAborted(upload);
  }
}

async function* uploadsOf(ufs: Ufs, { prefix }: AbandonedUploadsOptions): AsyncGenerator<Upload> {
  let keyMarker: string | undefined;
  let uploadIdMarker: string | undefined;
  for (;;) {
    const page = await ufs.listUploads({ prefix, keyMarker, uploadIdMarker, maxUploads: pageSize });
    yield* page.uploads;
    const { nextKeyMarker, nextUploadIdMarker } = page;
    const stands = nextKeyMarker === keyMarker && nextUploadIdMarker === uploadIdMarker;
    if (!page.truncated || nextKeyMarker === undefined || stands) return;
    keyMarker = nextKeyMarker;
    uploadIdMarker = nextUploadIdMarker;
  }
}

/** Also where a store does not say when: what may be young stays. */
async function isTouched(ufs: Ufs, upload: Upload, sinceMs: number): Promise<boolean> {
  const isRecent = (timeMs: number) => timeMs <= 0 || timeMs >= sinceMs;
  if (isRecent(upload.initiatedMs)) return true;
  let partNumberMarker = 0;
  for (;;) {
    const request = { uploadId: upload.uploadId, partNumberMarker, maxParts: pageSize };
    const page = await ufs.listParts(upload.key, request);
    if (page.parts.some((part) => isRecent(part.lastModifiedMs))) return true;
    const next = page.nextPartNumberMarker;
    if (!page.truncated || next === undefined || next <= partNumberMarker) return false;
    partNumberMarker = next;
  }
}

export interface UploadCleanupOptions {
  /** What is mounted now. */
  readonly mounts: () => MountTable;
  readonly ufsOf: (mount: Mount) => Ufs | Promise<Ufs>;
  readonly aborted: UfsMetrics['uploadsAborted'];
  readonly clock: Clock;
  readonly log: Log;
}

const passIntervalMs = 3600e3;
const abortedPerPassMax = 1000;

/** Passes over all mounts, one after the other: one at the start, then one an hour. */
export class UploadCleanup {
  readonly #options: UploadCleanupOptions;
  readonly #stopping = new AbortController();
  #pass: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: UploadCleanupOptions) {
    this.#options = options;
  }

  start(): void {
    this.#pass = this.run().then(() => {
      this.#pass = undefined;
      if (this.#stopping.signal.aborted) return;
      this.#timer = setTimeout(() => this.start(), passIntervalMs).unref();
    });
  }

  /** Resolves once no pass is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#pass;
  }

  /** One pass. Never throws: what fails at one mount is logged, and tried again at the next pass. */
  async run(): Promise<void> {
    const table = this.#options.mounts();
    for (const mount of table.mounts) {
      if (this.#stopping.signal.aborted) return;
      if (mount.abortUploadsAfterMs === undefined || mount.readOnly || isPattern(mount)) continue;
      try {
        await this.#clean(mount, table, mount.abortUploadsAfterMs);
      } catch (error) {
        const reason = String(error);
        this.#options.log.warn({ mount: mount.path, reason }, 'abandoned uploads could not be aborted now');
      }
    }
  }

  async #clean(mount: Mount, table: MountTable, afterMs: number): Promise<void> {
    const { ufsOf, aborted, clock, log } = this.#options;
    const clientKey = (key: string) => mount.keyPrefix + key.slice(mount.ufs.prefix.length);
    await abortAbandonedUploads(await ufsOf(mount), {
      prefix: mount.ufs.prefix,
      touchedBeforeMs: clock.wallMs() - afterMs,
      countMax: abortedPerPassMax,
      owns: (key) => table.resolve(mount.bucket, clientKey(key))?.mount === mount,
      onAborted: ({ key, uploadId, initiatedMs }) => {
        aborted.inc({ mount: mount.path });
        const initiated = new Date(initiatedMs).toISOString();
        const about = { mount: mount.path, key: clientKey(key), uploadId, initiated };
        log.info(about, 'an abandoned multipart upload was aborted');
      },
      signal: this.#stopping.signal,
    });
  }
}
