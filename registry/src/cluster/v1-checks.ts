/** Bodies of calls under `/v1/`, checked: who holds the secret is trusted, and may still be another version. */
import type { RenewalRequest, WriterRenewal } from '@forebay/core/membership';
import type { Mount } from '@forebay/core/mount';
import { parseMount } from '@forebay/core/mount-uri';
import type { MemberInfo } from '@forebay/core/registry-wire';

/** The body is not what this version knows. */
export class WireError extends Error {}

type Body = Readonly<Record<string, unknown>>;

const nameCharsMax = 256;
const numberMax = Number.MAX_SAFE_INTEGER;

/** @throws WireError */
export function checkedRenewal(body: Body): RenewalRequest {
  const { registry, lastGrant, holdsLock, wish, stats, version } = body;
  if (typeof holdsLock !== 'boolean') throw new WireError('"holdsLock" is true or false');
  if (wish !== 'active' && wish !== 'draining' && wish !== 'leaving')
    throw new WireError('"wish" is "active", "draining" or "leaving"');
  return {
    nodeId: name(body, 'nodeId'),
    incarnation: name(body, 'incarnation'),
    address: name(body, 'address'),
    adminAddress: name(body, 'adminAddress'),
    weight: Math.max(count(body, 'weight'), 1),
    holdsLock,
    wish,
    epoch: count(body, 'epoch'),
    registry: registry === undefined ? undefined : name(body, 'registry'),
    lastGrant: lastGrant === undefined ? undefined : name(body, 'lastGrant'),
    // For people: shown as it is, where it is there.
    stats: stats as RenewalRequest['stats'],
    version: version === undefined ? undefined : name(body, 'version'),
  };
}

/** @throws WireError */
export function checkedWriter(body: Body): WriterRenewal {
  const { registry, wish } = body;
  if (wish !== 'active' && wish !== 'leaving') throw new WireError('"wish" is "active" or "leaving"');
  return {
    writerId: name(body, 'writerId'),
    epoch: count(body, 'epoch'),
    registry: registry === undefined ? undefined : name(body, 'registry'),
    wish,
  };
}

const roles = ['serve', 'gateway', 'cache-node', 'registry'] as const;

/** @throws WireError */
export function checkedMember(body: Body): MemberInfo {
  const role = roles.find((one) => one === body.role);
  if (!role) throw new WireError(`"role" is one of ${roles.join(', ')}`);
  return {
    nodeId: name(body, 'nodeId'),
    role,
    address: name(body, 'address'),
    adminAddress: name(body, 'adminAddress'),
    startedAtMs: count(body, 'startedAtMs'),
    version: name(body, 'version'),
  };
}

/** Made again from what it was made of. @throws WireError; ConfigError */
export function checkedMount(body: Body): Mount {
  const [path, uri] = [name(body, 'path'), body.uri];
  if (typeof uri !== 'string') throw new WireError('"uri" is a text');
  const pageSizeBytes = count(body, 'pageSizeBytes');
  return parseMount({ path, uri }, { pageSizeBytes, createdAtMs: count(body, 'createdAtMs') });
}

function name(body: Body, key: string): string {
  const value = body[key];
  if (typeof value === 'string' && value !== '' && value.length <= nameCharsMax) return value;
  throw new WireError(`"${key}" is a text of 1 to ${nameCharsMax} characters`);
}

function count(body: Body, key: string): number {
  const value = body[key];
  if (typeof value === 'number' && value >= 0 && value <= numberMax) return value;
  throw new WireError(`"${key}" is a number`);
}
