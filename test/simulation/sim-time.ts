/** Time of a simulation: it goes from event to event, in an order that depends on nothing but the events. */

const eventsPerTurn = 64;

interface Event {
  readonly atMs: number;
  /** Among events of one instant the first made comes first. */
  readonly sequence: number;
  readonly run: () => void;
}

export class SimTime {
  nowMs = 0;
  #sequence = 0;
  /** A heap by time. */
  readonly #events: Event[] = [];

  at(atMs: number, run: () => void): void {
    this.#sequence += 1;
    const event = { atMs: Math.max(atMs, this.nowMs), sequence: this.#sequence, run };
    const events = this.#events;
    let place = events.length;
    for (; place > 0; ) {
      const parent = (place - 1) >> 1;
      if (isBefore(events[parent]!, event)) break;
      events[place] = events[parent]!;
      place = parent;
    }
    events[place] = event;
  }

  /**
   * All that is to happen until then, each with all that follows from it without time: promises are settled
   * between two callbacks of `setImmediate`, and many of these are one turn of the event loop.
   */
  async runUntil(endMs: number): Promise<void> {
    let isOver = false;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const step = () => {
      if (isOver) return;
      try {
        isOver = !this.#runNext(endMs);
      } catch (error) {
        isOver = true;
        reject(error);
      }
    };
    const turn = () => {
      if (isOver) return resolve();
      for (let count = 0; count < eventsPerTurn; count += 1) setImmediate(step);
      setImmediate(turn);
    };
    turn();
    await promise;
    this.nowMs = endMs;
  }

  /** The same where nothing is waited for by promises. */
  runAtOnceUntil(endMs: number): void {
    while (this.#runNext(endMs));
    this.nowMs = endMs;
  }

  #runNext(endMs: number): boolean {
    const next = this.#events[0];
    if (!next || next.atMs > endMs) return false;
    this.#removeFirst();
    this.nowMs = next.atMs;
    next.run();
    return true;
  }

  #removeFirst(): void {
    const events = this.#events;
    const last = events.pop()!;
    if (events.length === 0) return;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && isBefore(events[child + 1]!, events[child]!)) child += 1;
      if (isBefore(last, events[child]!)) break;
      events[place] = events[child]!;
      place = child;
    }
    events[place] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
}
