/** Where keys come from. Read by this process alone; never logged, never part of an error. */
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { ConfigError } from '@forebay/core/config';
import { ForebayError } from '@forebay/core/errors';
import type { CredentialsRef } from '@forebay/core/mount';

export interface S3Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** Current keys; undefined where requests go unsigned. Cheap to call for every request. */
export type KeySource = () => S3Keys | undefined | Promise<S3Keys>;

/** @throws ConfigError where `env:NAME` names variables that are not set. */
export function keySourceOf(
  ref: CredentialsRef,
  env: Readonly<Record<string, string | undefined>>,
): KeySource {
  switch (ref.kind) {
    case 'anonymous':
      return () => undefined;
    case 'env': {
      const keys = keysOfEnv(ref.name, env);
      return () => keys;
    }
    case 'profile':
      return chain(`profile ${ref.name}`, { profile: ref.name });
    case 'default':
      return chain('the default AWS chain', {});
  }
}

function keysOfEnv(name: string, env: Readonly<Record<string, string | undefined>>): S3Keys {
  const [id, secret, token] = [`${name}_ACCESS_KEY_ID`, `${name}_SECRET_ACCESS_KEY`, `${name}_SESSION_TOKEN`];
  const missing = [id, secret].filter((variable) => !env[variable]);
  if (missing.length > 0) {
    const are = missing.length === 1 ? 'is' : 'are';
    throw new ConfigError(
      `credentials=env:${name} needs ${id} and ${secret}; ${missing.join(' and ')} ${are} not set`,
    );
  }
  return { accessKeyId: env[id]!, secretAccessKey: env[secret]!, sessionToken: env[token] || undefined };
}

/** The AWS chain keeps what it found and refreshes it five minutes before it expires. */
function chain(from: string, init: { profile?: string }): KeySource {
  const provider = defaultProvider(init);
  return async () => {
    try {
      return await provider();
    } catch (cause) {
      throw new ForebayError('ufs-unavailable', `no credentials from ${from}`, { cause });
    }
  };
}
