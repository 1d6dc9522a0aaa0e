/** A request as it goes to a node: with the epoch by which the node was chosen. */
import type { OpenRequest } from '@forebay/core/cache-node';

export class RoutedRequest implements OpenRequest {
  readonly object: OpenRequest['object'];
  readonly want: OpenRequest['want'];
  readonly range: OpenRequest['range'];
  readonly conditions: OpenRequest['conditions'];
  readonly ifRange: OpenRequest['ifRange'];
  readonly needChecksums: boolean;
  readonly epoch: number | undefined;
  readonly #request: OpenRequest;
  readonly #signal: AbortSignal | undefined;

  /** @param signal in place of the request's own, which is made only if somebody looks at it */
  constructor(request: OpenRequest, epoch: number | undefined, signal?: AbortSignal) {
    this.object = request.object;
    this.want = request.want;
    this.range = request.range;
    this.conditions = request.conditions;
    this.ifRange = request.ifRange;
    this.needChecksums = request.needChecksums === true;
    this.epoch = epoch;
    this.#request = request;
    this.#signal = signal;
  }

  get signal(): AbortSignal {
    return this.#signal ?? this.#request.signal;
  }
}
