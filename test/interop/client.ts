/** What the interop tests ask of a client. Each adapter says it in the client's own words. */
import type { S3Endpoint } from '../support/servers.ts';
import type { ToolName } from '../support/tools.ts';

export interface At {
  readonly bucket: string;
  readonly key: string;
}

export interface Client {
  /** As the client itself names it. */
  readonly version: string;
  /** As its users put a file: a large one in parts, where the client does so by itself. */
  put(at: At, file: string): Promise<unknown>;
  get(at: At, file: string): Promise<unknown>;
  /** All keys under a prefix, in the order of the listing, by pages of a few where that can be asked for. */
  list(at: { readonly bucket: string; readonly prefix: string }): Promise<readonly string[]>;
  /** In one request where the client can. */
  delete(bucket: string, keys: readonly string[]): Promise<unknown>;
  /** Reads a range into a file. */
  range?(
    at: At,
    file: string,
    range: { readonly start: number; readonly endExclusive: number },
  ): Promise<unknown>;
  /** Puts a file in parts of 5 MiB. */
  multipart?(at: At, file: string): Promise<unknown>;
  /** Within the bucket, by the server. */
  copy?(bucket: string, from: string, to: string): Promise<unknown>;
  /** @returns a link that whoever holds it can use for a while */
  presign?(at: At, method: 'GET' | 'PUT'): Promise<string>;
  close?(): Promise<unknown>;
}

/** What is shown of each client: the columns of the summary. */
export const operations = [
  'sizes',
  '200 MB',
  'range',
  'multipart',
  'list',
  'copy',
  'delete',
  'presign',
  'keys',
  'more',
] as const;
export type Operation = (typeof operations)[number];

export interface Subject {
  readonly name: string;
  readonly tools: readonly ToolName[];
  start(server: S3Endpoint, home: string): Promise<Client>;
  /** What the client has no way to do, and why that is so. */
  readonly cannot?: Partial<Record<Operation, string>>;
  /** Whether it has links for GET alone. */
  readonly linksOnlyToRead?: boolean;
  /** Odd keys that the client itself mangles or refuses, before Forebay sees them. */
  readonly mangles?: Readonly<Record<string, string>>;
  /** Whether it also does every key S3 allows (any-keys.ts), but those it mangles. */
  readonly anyKey?: boolean;
}

declare module 'vitest' {
  interface TaskMeta {
    /** What a test of a client shows, for the summary. */
    interop?: {
      client: string;
      version?: string;
      operation?: Operation;
      cannot?: Partial<Record<Operation, string>>;
    };
  }
}
