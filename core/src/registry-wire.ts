/**
 * What registry and roles say to each other over HTTP, under `/v1/` of the registry's admin port
 * (docs/cluster.md). Every call carries `Authorization: Bearer` with the token of the cluster secret.
 * A failed one is answered `{"error": {"code", "message"}}`.
 */
import type { WireMembership } from './epoch-change.ts';
import type { RenewalAnswer } from './membership.ts';
import type { Member } from './registry.ts';

/** A poll of the view that waits is answered after so long at the latest. */
export const viewWaitMsMax = 60_000;

/** Members without a lease (gateways) say so often that they are there, and are forgotten after so long. */
export const joinAgainMs = 10_000;
export const memberTtlMs = 35_000;

export interface MemberInfo extends Member {
  /** HOST:PORT of its admin server. */
  readonly adminAddress: string;
  readonly version: string;
}

export interface NotActiveError {
  readonly error: {
    readonly code: 'not-active';
    readonly message: string;
    /** HOST:PORT of the active registry, where that is known. */
    readonly active?: string;
  };
}

/** A renewal's answer, told as a change of the epoch that the node has already. */
export type WireRenewalAnswer = Omit<RenewalAnswer, 'membership'> & {
  readonly membership?: WireMembership | undefined;
};
