/** The key pair that `forebay bench` signs with. Never a flag: process lists show those. */
import { usageError } from '../command-error.ts';

export interface KeyPair {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** Undefined with --anonymous. @throws CommandError where there is none. */
export function keyPairOf(
  flags: { readonly anonymous?: unknown },
  env: NodeJS.ProcessEnv,
): KeyPair | undefined {
  if (flags.anonymous === true) return undefined;
  const pairs = [
    [env.FOREBAY_ACCESS_KEY, env.FOREBAY_SECRET_KEY],
    [env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY],
  ];
  for (const [accessKey, secretKey] of pairs) if (accessKey && secretKey) return { accessKey, secretKey };
  throw usageError(
    'no key pair: set FOREBAY_ACCESS_KEY and FOREBAY_SECRET_KEY (or AWS_ACCESS_KEY_ID and ' +
      'AWS_SECRET_ACCESS_KEY), or give --anonymous',
  );
}
