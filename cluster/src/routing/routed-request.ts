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
  readonly goneVersion: string | undefined;
  readonly #request: OpenRequest;
  readonly #signal: AbortSignal | undefined;

  /** @param own in place of the request's; its signal is made only if somebody looks at it */
  constructor(request: OpenRequest, own: Partial<Pick<OpenRequest, 'epoch' | 'goneVersion' | 'signal'>>) {
    this.object = request.object;
    this.want = request.want;
    this.range = request.range;
    this.conditions = request.conditions;
    this.ifRange = request.ifRange;
    this.needChecksums = request.needChecksums === true;
    this.epoch = own.epoch;
    this.goneVersion = own.goneVersion ?? request.goneVersion;
    this.#request = request;
    this.#signal = own.signal;
  }

  get signal(): AbortSignal {
    return this.#signal ?? this.#request.signal;
  }
}
