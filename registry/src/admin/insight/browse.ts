/** The object browser of the admin API: one level of the namespace, and what share of each name is cached. */

import { isBucketName } from '@forebay/core/mount';
import type { PageMap, StoredGroup } from '@forebay/core/stored';
import type { Context, Hono } from 'hono';
import { AdminError } from '../admin-error.ts';
import { neededQuery } from '../request.ts';

export interface BrowsedPrefix extends StoredGroup {
  /** The client's, with the slash at its end. */
  readonly prefix: string;
  /** Of the UFS. Left out where nobody counted; `complete` is false where there are more. */
  readonly total?: { readonly objects: number; readonly bytes: number; readonly complete: boolean };
}

export interface BrowsedObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly lastModified: string;
  readonly cachedBytes: number;
  readonly cachedPages: number;
  readonly pages: number;
  readonly fresh: boolean;
}

export interface BrowseView {
  readonly bucket: string;
  readonly prefix: string;
  readonly prefixes: readonly BrowsedPrefix[];
  readonly objects: readonly BrowsedObject[];
  /** Left out at the end of the list. */
  readonly next?: string;
  /** False where more is stored below than was looked through: cached figures of prefixes are too low. */
  readonly complete: boolean;
}

export interface BrowseRequest {
  readonly bucket: string;
  readonly prefix: string;
  /** Exclusive; empty: from the beginning. */
  readonly after: string;
  readonly signal: AbortSignal;
}

export interface PageMapRequest {
  readonly bucket: string;
  readonly key: string;
}

export interface Browser {
  /** Asks the UFS for one level. Undefined: no mount has such a bucket. @throws what the UFS says */
  browse(request: BrowseRequest): Promise<BrowseView | undefined>;
  /** Without asking the UFS; undefined where nothing is known of the object, or no mount covers it. */
  pageMap(request: PageMapRequest): Promise<PageMap | undefined>;
}

export function browseRoutes(app: Hono, browser: Browser): void {
  app.get('/api/v1/browse', async (c) => {
    const request = { ...keysOf(c), after: c.req.query('after') ?? '', signal: c.req.raw.signal };
    const view = await browser.browse(request);
    if (!view) throw new AdminError('NotFound', `no mount has a bucket ${request.bucket}`);
    return c.json(view);
  });
  app.get('/api/v1/objects/pages', async (c) => {
    const [bucket, key] = [neededQuery(c, 'bucket'), neededQuery(c, 'key')];
    const map = await browser.pageMap({ bucket, key });
    if (!map) throw new AdminError('NotFound', `nothing is known of s3://${bucket}/${key}`);
    return c.json(map);
  });
}

function keysOf(c: Context): { bucket: string; prefix: string } {
  const [, bucket = '', prefix = ''] = /^s3:\/\/([^/]+)(?:\/(.*))?$/s.exec(neededQuery(c, 'keys')) ?? [];
  if (!isBucketName(bucket)) throw new AdminError('BadRequest', 'keys are written s3://bucket/prefix/');
  return { bucket, prefix };
}
