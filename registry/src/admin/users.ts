/**
 * Users in the admin API. A secret key is in one answer alone, that to the request which made the user.
 */
import { parsePolicy } from '@forebay/core/policy/policy';
import type { User } from '@forebay/core/user';
import type { Context, Hono } from 'hono';
import type { LocalRegistry } from '../local-registry.ts';
import { AdminError } from './admin-error.ts';
import { changed } from './audit.ts';
import { bodyUpTo, isRecord, jsonBody, neededQuery } from './request.ts';

const bodyBytesMax = 512 * 1024;

/** A user as the API shows it. */
export interface UserView {
  readonly name: string;
  readonly accessKey: string;
  /** In S3's own policy language. */
  readonly policies: readonly unknown[];
  readonly createdAt: string;
  /** `start`: of the config file, back at the next start; `runtime`: made with the API, and kept. */
  readonly origin: 'start' | 'runtime';
}

/** The answer to the making of a user. */
export interface NewUserView extends UserView {
  readonly secretKey: string;
}

export interface NewUser {
  readonly name: string;
  /** One is made where it is missing. */
  readonly accessKey: string | undefined;
  readonly policies: User['policies'];
}

export interface UserDeps {
  readonly registry: Pick<LocalRegistry, 'view' | 'addUser' | 'removeUser' | 'originOfUser'>;
  /** Gives it keys. @throws ConfigError where it is not allowed */
  readonly makeUser: (input: NewUser) => User;
}

export function userRoutes(app: Hono, { registry, makeUser }: UserDeps): void {
  const viewOf = (user: User) => userView(user, registry.originOfUser(user.name) ?? 'runtime');
  app.get('/api/v1/users', (c) => c.json(registry.view().users.users.map(viewOf)));
  app.post('/api/v1/users', bodyUpTo(bodyBytesMax), async (c) => {
    const user = makeUser(await newUser(c));
    await registry.addUser(user);
    const after = viewOf(user);
    changed(c, { action: 'user.add', target: user.name, after });
    const made: NewUserView = { ...after, secretKey: user.secretKey };
    return c.json(made, 201);
  });
  app.delete('/api/v1/users', async (c) => {
    const name = neededQuery(c, 'name');
    const origin = registry.originOfUser(name);
    const user = registry.view().users.users.find((one) => one.name === name);
    const before = user && viewOf(user);
    await registry.removeUser(name);
    changed(c, { action: 'user.remove', target: name, before });
    return c.json({ name, backAtRestart: origin === 'start' });
  });
}

/** @throws AdminError; ConfigError for a policy that is not understood */
async function newUser(c: Context): Promise<NewUser> {
  const { name, accessKey, policies = [], ...others } = await jsonBody(c);
  const [unknown] = Object.keys(others);
  const fits =
    typeof name === 'string' &&
    (accessKey === undefined || typeof accessKey === 'string') &&
    Array.isArray(policies) &&
    policies.every((policy) => typeof policy === 'string' || isRecord(policy));
  if (!fits || unknown !== undefined) {
    const extra = unknown === undefined ? '' : `; "${unknown}" is not known`;
    throw new AdminError('BadRequest', `the body is {"name", "accessKey"?, "policies"?: [policy]}${extra}`);
  }
  return {
    name,
    accessKey,
    policies: policies.map((policy: unknown, index) =>
      parsePolicy(typeof policy === 'string' ? policy : JSON.stringify(policy), `policy ${index + 1}`),
    ),
  };
}

function userView({ name, accessKey, policies, createdAtMs }: User, origin: UserView['origin']): UserView {
  return {
    name,
    accessKey,
    policies: policies.map(({ text }) => JSON.parse(text) as unknown),
    createdAt: new Date(createdAtMs).toISOString(),
    origin,
  };
}
