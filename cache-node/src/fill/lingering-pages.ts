/**
 * Complete pages that the page store does not keep, held for readers that are on their way to them. They are
 * the first to go when somebody waits for memory: who comes too late brings the page again.
 */
import type { PageFlight } from './page-flight.ts';

export class LingeringPages {
  /** In the order in which they were completed, with what lets them go. */
  readonly #drops = new Map<PageFlight, () => void>();

  add(flight: PageFlight, drop: () => void): void {
    this.#drops.set(flight, drop);
  }

  has(flight: PageFlight): boolean {
    return this.#drops.has(flight);
  }

  drop(flight: PageFlight): void {
    const drop = this.#drops.get(flight);
    if (!this.#drops.delete(flight)) return;
    drop?.();
  }

  /** Drops the oldest; false where there is none. */
  dropOldest(): boolean {
    const [oldest] = this.#drops.keys();
    if (!oldest) return false;
    this.drop(oldest);
    return true;
  }
}
