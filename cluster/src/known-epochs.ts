/** The last epochs that the registry has told: it tells the next ones as changes of them. */
import { epochOf } from '@forebay/core/epoch-change';
import type { Epoch, RenewalAnswer, RenewalRequest } from '@forebay/core/membership';
import type { WireRenewalAnswer } from '@forebay/core/registry-wire';

const keptMax = 4;

export class KnownEpochs {
  readonly #epochs = new Map<string, Epoch>();

  note(epoch: Epoch): void {
    const name = nameOf(epoch.registry, epoch.number);
    this.#epochs.delete(name);
    this.#epochs.set(name, epoch);
    const [oldest] = this.#epochs.keys();
    if (this.#epochs.size > keptMax && oldest !== undefined) this.#epochs.delete(oldest);
  }

  /** @param request that was answered. @throws Error where the answer is about an epoch that is not known */
  answerOf(answer: WireRenewalAnswer, { registry, epoch }: RenewalRequest): RenewalAnswer {
    if (!answer.membership) return answer as RenewalAnswer;
    const { epoch: told, ...same } = answer.membership;
    const membership = { ...same, epoch: epochOf(told, this.#epochs.get(nameOf(registry, epoch))) };
    this.note(membership.epoch);
    return { ...answer, membership } as RenewalAnswer;
  }
}

function nameOf(registry: string | undefined, number: number): string {
  return `${registry} ${number}`;
}
