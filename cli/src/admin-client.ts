/** The admin API as commands use it: where it is, who asks, and what its errors mean for a person. */

import { unansweredHeader } from '@forebay/registry/admin/insight/unanswered';
import { CommandError, usageError } from './command-error.ts';
import { type DataDir, dataDirAt, readRootCredentials } from './data-dir.ts';
import { jsonLines } from './json-lines.ts';

export interface AdminOptions {
  readonly admin?: string | undefined;
  readonly registry?: string | undefined;
  readonly dataDir?: string | undefined;
}

export const adminUrlDefault = 'http://127.0.0.1:9001';
const answerWithinMs = 30_000;

export interface AdminClient {
  readonly url: string;
  /**
   * The JSON answer.
   * @throws CommandError where there is no answer, or an error; its text is for people.
   */
  ask<T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<T>;
  /** A POST of text as it comes. @throws CommandError as `ask` */
  send<T>(path: string, body: AsyncIterable<Uint8Array>): Promise<T>;
  /**
   * A POST whose answer is lines: all but the last, which says `"done": true`, are progress.
   * @throws CommandError as `ask`, and where the answer ends before that line
   */
  follow<T extends { readonly done: boolean }>(
    path: string,
    body: unknown,
    onProgress: (line: T) => void,
  ): Promise<T>;
}

export function adminClient(options: AdminOptions, env: NodeJS.ProcessEnv): AdminClient {
  const url = adminUrl(
    options.admin ?? options.registry ?? (env.FOREBAY_ADMIN || undefined) ?? adminUrlDefault,
  );
  const dataDir = dataDirAt(options.dataDir ?? (env.FOREBAY_DATA_DIR || './forebay-data'));
  const exchange = async (path: string, init: RequestInit, type: string | undefined) => {
    const authorization = authorizationOf(env, dataDir);
    const headers = {
      ...(authorization !== undefined && { authorization }),
      ...(type !== undefined && { 'content-type': type }),
    };
    const response = await send(url, path, { ...init, headers, redirect: 'error' });
    if (response.ok) return response;
    throw refusal(url, response.status, await response.json().catch(() => undefined));
  };
  const request = (method: string, path: string, body: unknown, signal: AbortSignal) =>
    body === undefined
      ? exchange(path, { method, signal }, undefined)
      : exchange(path, { method, signal, body: JSON.stringify(body) }, 'application/json');
  return {
    url,
    ask: async <T>(method: string, path: string, body?: unknown): Promise<T> => {
      const response = await request(method, path, body, AbortSignal.timeout(answerWithinMs));
      noteUnanswered(response);
      return (await response.json().catch(() => undefined)) as T;
    },
    send: async <T>(path: string, text: AsyncIterable<Uint8Array>): Promise<T> => {
      const body = ReadableStream.from(text);
      const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
      return (await (await exchange(path, init, 'text/plain')).json()) as T;
    },
    follow: async (path, body, onProgress) => {
      const quiet = new AbortController();
      const timer = setTimeout(() => quiet.abort(new Error('no word for too long')), answerWithinMs);
      try {
        const response = await request('POST', path, body, quiet.signal);
        return await lastLine(url, response, (line) => {
          timer.refresh();
          onProgress(line);
        });
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Of figures that are gathered from a cluster. */
function noteUnanswered({ headers }: Response): void {
  const ids = headers.get(unansweredHeader);
  if (ids) process.stderr.write(`forebay: without what ${ids.replaceAll(',', ', ')} would tell: no answer\n`);
}

async function lastLine<T extends { readonly done: boolean }>(
  url: string,
  response: Response,
  onProgress: (line: T) => void,
): Promise<T> {
  try {
    for await (const line of jsonLines(response.body ?? ReadableStream.from([]))) {
      if ((line as { error?: unknown }).error !== undefined) throw refusal(url, response.status, line);
      if ((line as T).done) return line as T;
      onProgress(line as T);
    }
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`the answer of ${url} broke off: ${(error as Error).message}`, { cause: error });
  }
  throw new CommandError(`the answer of ${url} broke off before its end`);
}

function adminUrl(text: string): string {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.pathname !== '/') {
    throw usageError(`--admin: write the address as ${adminUrlDefault}`);
  }
  return url.origin;
}

/** DESIGN §6: the key pair of the environment, else the token, else the pair kept in the data directory. */
function authorizationOf(env: NodeJS.ProcessEnv, dataDir: DataDir): string | undefined {
  const { FOREBAY_ACCESS_KEY: accessKey, FOREBAY_SECRET_KEY: secretKey, FOREBAY_TOKEN: token } = env;
  if (Boolean(accessKey) !== Boolean(secretKey)) {
    throw usageError('FOREBAY_ACCESS_KEY and FOREBAY_SECRET_KEY go together: set both or neither');
  }
  if (accessKey && secretKey) return basic(accessKey, secretKey);
  if (token) return `Bearer ${token}`;
  const kept = readRootCredentials(dataDir);
  return kept && basic(kept.accessKey, kept.secretKey);
}

function basic(accessKey: string, secretKey: string): string {
  return `Basic ${Buffer.from(`${accessKey}:${secretKey}`).toString('base64')}`;
}

async function send(url: string, path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url + path, init);
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    // What was to be sent could not be had.
    if (cause instanceof CommandError) throw cause;
    const reason =
      cause?.code === 'ECONNREFUSED' ? 'nothing listens there' : (cause?.message ?? String(error));
    throw new CommandError(
      `no answer from ${url}: ${reason}; is forebay serve running? --admin tells another address`,
      { isPassing: true, cause: error },
    );
  }
}

function refusal(url: string, status: number, answer: unknown): CommandError {
  if (status === 401) {
    return new CommandError(
      `${url} does not accept these credentials; set FOREBAY_ACCESS_KEY and FOREBAY_SECRET_KEY, ` +
        'or FOREBAY_TOKEN, or tell the data directory with --data-dir',
    );
  }
  const told = (answer as { error?: { message?: unknown } } | undefined)?.error?.message;
  const text = typeof told === 'string' ? told : `${url} answered with HTTP status ${status}`;
  return new CommandError(text, { isPassing: status >= 500 });
}
