/** Members without a lease (gateways): shown as long as they say that they are there. In memory alone. */
import { type MemberInfo, memberTtlMs } from '@forebay/core/registry-wire';

const membersMax = 10_000;

export class SoftMembers {
  readonly #members = new Map<string, { readonly member: MemberInfo; readonly untilMs: number }>();

  /** Times are monotonic. */
  join(member: MemberInfo, nowMs: number): void {
    this.#members.delete(member.nodeId);
    this.#expire(nowMs);
    if (this.#members.size < membersMax)
      this.#members.set(member.nodeId, { member, untilMs: nowMs + memberTtlMs });
  }

  leave(nodeId: string): void {
    this.#members.delete(nodeId);
  }

  all(nowMs: number): MemberInfo[] {
    this.#expire(nowMs);
    return [...this.#members.values()].map(({ member }) => member);
  }

  /** They are in the order in which they spoke last. */
  #expire(nowMs: number): void {
    for (const [nodeId, { untilMs }] of this.#members) {
      if (untilMs > nowMs) return;
      this.#members.delete(nodeId);
    }
  }
}
