/**
 * Every error of a request passes here once: it becomes its document, and what the operator must know of it
 * a log line. Clients' errors are not logged, they show in access log and metrics.
 */
import type { Clock } from '@forebay/core/clock';
import { ForebayError, isKind, UfsAnswerError } from '@forebay/core/errors';
import type { Log } from '@forebay/core/log';
import type { Exchange } from '../exchange.ts';
import { errorDocument, isInternal, refusesOurCredentials } from './error-document.ts';
import { S3Error } from './errors.ts';
import type { S3Answer } from './types.ts';

export interface ErrorReporterOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly hostId: string;
  /** Where the operator has to look: the path of the mount that holds a key. */
  readonly mountPathOf: (bucket: string, key: string) => string | undefined;
}

export class ErrorReporter {
  readonly hostId: string;
  readonly #log: Log;
  readonly #mountPathOf: ErrorReporterOptions['mountPathOf'];
  readonly #ours: LineLimit;
  readonly #world: LineLimit;

  constructor(options: ErrorReporterOptions) {
    this.hostId = options.hostId;
    this.#log = options.log;
    this.#mountPathOf = options.mountPathOf;
    this.#ours = new LineLimit(options.clock);
    this.#world = new LineLimit(options.clock);
  }

  /** The error as the client sees it. */
  answer(exchange: Exchange, thrown: unknown): S3Answer {
    const error = clientView(exchange, rootOf(thrown));
    const document = errorDocument(error, { requestId: exchange.id, hostId: this.hostId });
    exchange.errorCode = document.code;
    if (!exchange.isGone) this.#report(exchange, error);
    return {
      status: document.status,
      headers: document.headers,
      body: document.status === 304 ? undefined : document.body,
      cache: document.headers.find(([name]) => name === 'x-cache')?.[1],
    };
  }

  /** The answer's body failed after its headers were out, and the connection was cut. */
  cut(exchange: Exchange, cause: unknown): void {
    exchange.errorCode = 'BodyCut';
    this.#report(exchange, cause);
  }

  #report(exchange: Exchange, error: unknown): void {
    const { id, operation: op, bucket, key } = exchange;
    const about = { id, op, mount: this.#mountPathOf(bucket ?? '', key ?? ''), bucket, key };
    if (isInternal(error)) {
      this.#ours.take((suppressed) =>
        this.#log.error({ ...about, suppressed, err: error }, 'a request failed by a fault of ours'),
      );
    } else if (error instanceof ForebayError && Object.hasOwn(silent, error.kind)) {
      const { kind, message, cause } = error;
      const because = cause instanceof Error ? cause.message : undefined;
      const text = `${silent[kind as keyof typeof silent]} gave no answer: ${message}`;
      this.#world.take((suppressed) => this.#log.warn({ ...about, suppressed, kind, because }, text));
    } else if (error instanceof UfsAnswerError && isForOperators(error)) {
      const { status, code } = error.answer;
      this.#world.take((suppressed) =>
        this.#log.warn({ ...about, suppressed, status, code }, `the UFS answered ${status} ${code}`),
      );
    }
  }
}

/** Whose answer was missing. */
const silent = {
  'ufs-unavailable': 'the UFS',
  'state-unknown': 'the UFS',
  'node-unavailable': 'a cache node',
  'not-home': 'the home of the object',
} as const;

/** 501 says what a UFS does not do at all: clients ask, and live with the answer. */
function isForOperators(error: UfsAnswerError): boolean {
  const { status } = error.answer;
  return (status >= 500 && status !== 501) || refusesOurCredentials(error);
}

/** What the client did wrong in its body surfaces through the UFS that was reading it. */
function rootOf(error: unknown): unknown {
  if (!isKind(error, 'ufs-unavailable')) return error;
  let cause: unknown = error.cause;
  for (let depth = 0; depth < 5 && cause instanceof Error; depth += 1) {
    if (cause instanceof S3Error) return cause;
    cause = cause.cause;
  }
  return error;
}

/** What S3 names with these codes, and not every UFS does (S3-WIRE 70). */
const subjects: Readonly<Record<string, 'BucketName' | 'Key'>> = {
  NoSuchBucket: 'BucketName',
  NoSuchBucketPolicy: 'BucketName',
  NoSuchCORSConfiguration: 'BucketName',
  NoSuchKey: 'Key',
  NoSuchLifecycleConfiguration: 'BucketName',
  NoSuchTagSet: 'BucketName',
  NoSuchVersion: 'Key',
  NoSuchWebsiteConfiguration: 'BucketName',
};

/** A UFS names its own bucket and key; the client gets to see the names it used. */
function clientView(exchange: Exchange, error: unknown): unknown {
  if (!(error instanceof UfsAnswerError)) return error;
  const names: Readonly<Record<string, string | undefined>> = {
    BucketName: exchange.bucket,
    Key: exchange.key,
    Resource: undefined,
  };
  const told = error.answer.fields ?? [];
  const fields = told.flatMap(([name, value]) => {
    if (!(name in names)) return [[name, value] as const];
    const known = names[name];
    return known === undefined ? [] : [[name, known] as const];
  });
  const subject = subjects[error.answer.code];
  const known = subject && names[subject];
  if (known !== undefined && !told.some(([name]) => name === subject)) fields.push([subject!, known]);
  return new UfsAnswerError({ ...error.answer, fields }, { cause: error });
}

const linesMax = 10;
const windowMs = 10_000;

/** At most so many lines in a window: an outage must not drown the log. */
class LineLimit {
  readonly #clock: Clock;
  #windowEndMs = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #suppressed = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `write` gets the number of lines left out since the last one. */
  take(write: (suppressed: number | undefined) => void): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#windowEndMs) {
      this.#windowEndMs = nowMs + windowMs;
      this.#lines = 0;
    }
    if (this.#lines >= linesMax) {
      this.#suppressed += 1;
      return;
    }
    this.#lines += 1;
    write(this.#suppressed > 0 ? this.#suppressed : undefined);
    this.#suppressed = 0;
  }
}
