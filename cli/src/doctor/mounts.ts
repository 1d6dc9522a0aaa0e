/** Whether the store behind a mount can be reached, lets us in, has the bucket, and agrees about the time. */
import { access, constants, stat } from 'node:fs/promises';
import { ConfigError } from '@forebay/core/config';
import { type ForebayError, UfsAnswerError } from '@forebay/core/errors';
import { silentLog } from '@forebay/core/log';
import { isPattern, type Mount, type UfsLocation } from '@forebay/core/mount';
import { openUfs, openUfsService } from '@forebay/ufs/open-ufs';
import { type Finding, fail, ok, warn } from './finding.ts';

const answerWithinMs = 10_000;
/** S3 refuses signatures that are farther off than this. */
const skewMaxMs = 15 * 60_000;
const skewWarnMs = 60_000;

export async function mountFindings(mount: Mount, env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const check = `mount ${mount.path}`;
  const { ufs } = mount;
  if (ufs.scheme === 'file') return [await directoryFinding(check, ufs.directory, mount.readOnly)];
  const skew = await skewFinding(check, ufs);
  return [...(skew ? [skew] : []), await storeFinding(check, mount, env)];
}

async function directoryFinding(check: string, directory: string, readOnly: boolean): Promise<Finding> {
  try {
    if (!(await stat(directory)).isDirectory()) {
      return fail(check, `${directory} is no directory`, 'mount the directory that holds the files');
    }
    await access(directory, readOnly ? constants.R_OK : constants.R_OK | constants.W_OK);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return isMissing
      ? fail(check, `${directory} does not exist`, `make it (mkdir -p ${directory}), or mount another`)
      : fail(
          check,
          `${directory} may not be used: ${(error as Error).message}`,
          'give this user rights to it',
        );
  }
  return ok(check, `${directory} is there`);
}

async function storeFinding(check: string, mount: Mount, env: NodeJS.ProcessEnv): Promise<Finding> {
  const { ufs: location } = mount;
  const signal = AbortSignal.timeout(answerWithinMs);
  const deps = { env, log: silentLog };
  try {
    if (isPattern(mount)) {
      const service = await openUfsService(location, deps);
      await service.listBuckets({ prefix: '', signal }).finally(() => service.close());
    } else {
      const ufs = await openUfs(location, deps);
      const list = { prefix: location.prefix, maxKeys: 1, signal };
      await ufs.list(list).finally(() => ufs.close());
    }
    return ok(check, `${mount.uri} answers and lets us list`);
  } catch (error) {
    return storeFailure(check, error, { location, timedOut: signal.aborted });
  }
}

const fixes: Readonly<Record<string, string>> = {
  NoSuchBucket: 'make the bucket, or correct its name in the UFS URI',
  InvalidAccessKeyId: 'the store does not know this access key: set the right one',
  SignatureDoesNotMatch: 'the secret key is not the right one for this access key',
  AccessDenied: 'allow these keys to list and read the bucket (s3:ListBucket, s3:GetObject)',
  RequestTimeTooSkewed: "set this machine's clock (NTP)",
  AuthorizationHeaderMalformed: "set region= in the UFS URI to the bucket's region",
  PermanentRedirect: "set region= and endpoint= in the UFS URI to the bucket's own",
  IllegalLocationConstraintException: "set region= in the UFS URI to the bucket's region",
};

function storeFailure(
  check: string,
  error: unknown,
  { location, timedOut }: { readonly location: UfsLocation; readonly timedOut: boolean },
): Finding {
  if (error instanceof ConfigError) {
    return fail(check, error.message, 'set the credentials that credentials= names, or name others');
  }
  if (error instanceof UfsAnswerError) {
    const { code, status, message } = error.answer;
    const fix = fixes[code] ?? (status === 403 ? fixes.AccessDenied : undefined);
    return fail(
      check,
      `the store answers ${status} ${code}: ${message}`,
      fix ?? 'see what the store says of it',
    );
  }
  const place = placeOf(location);
  const why = timedOut ? `no answer within ${answerWithinMs / 1000} s` : reasonOf(error);
  return fail(
    check,
    `${place} cannot be reached: ${why}`,
    'correct endpoint= in the UFS URI, or start the store',
  );
}

/** The innermost cause says most: `connect ECONNREFUSED 127.0.0.1:7070`. */
function reasonOf(error: unknown): string {
  let inner = error as ForebayError;
  while (inner.cause instanceof Error) inner = inner.cause as ForebayError;
  return inner.message || String(error);
}

function placeOf(location: UfsLocation): string {
  if (location.scheme === 'file') return location.directory;
  return location.endpoint ?? `https://s3.${location.region}.amazonaws.com`;
}

/** By the date of any answer; undefined where there is none. */
async function skewFinding(check: string, location: UfsLocation): Promise<Finding | undefined> {
  const date = await fetch(placeOf(location), {
    method: 'HEAD',
    signal: AbortSignal.timeout(answerWithinMs),
  }).then(
    ({ headers }) => Date.parse(headers.get('date') ?? ''),
    () => Number.NaN,
  );
  if (Number.isNaN(date)) return undefined;
  const skewMs = Math.abs(date - Date.now());
  const seconds = Math.round(skewMs / 1000);
  const message = `the clocks of this machine and of the store are ${seconds} s apart`;
  if (skewMs >= skewMaxMs)
    return fail(check, `${message}: signatures are refused`, "set this machine's clock (NTP)");
  return skewMs >= skewWarnMs ? warn(check, message, "set this machine's clock (NTP)") : undefined;
}
