/**
 * One call to the registry under `/v1/`: to the address that answered last, else to the next one. A registry
 * that is not the active one says so, and is passed over.
 */
import { clusterTokenOf } from '@forebay/core/cluster-secret';
import { RegistryError, type RegistryErrorCode } from '@forebay/core/registry-error';

export interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With its query. */
  readonly path: string;
  /** JSON. */
  readonly body?: string;
  readonly timeoutMs: number;
}

/** No registry gave an answer that helps: none was reached, or none is the active one. */
export class RegistryUnavailable extends Error {
  /** They answer, and none of them is the active one. */
  readonly notActive: boolean;
  constructor(message: string, { notActive, cause }: { notActive: boolean; cause?: unknown }) {
    super(message, { cause });
    this.name = 'RegistryUnavailable';
    this.notActive = notActive;
  }
}

/** The registry has another cluster secret. */
export class RegistryRefuses extends Error {}

type Outcome = { readonly text: string } | { readonly failed: Error; readonly notActive: boolean };

export class RegistryCalls {
  readonly #addresses: readonly string[];
  readonly #authorization: string;
  readonly #closing = new AbortController();
  #current = 0;

  /** @param addresses `http://host:9001`, each once, at least one */
  constructor(addresses: readonly string[], secret: string) {
    this.#addresses = addresses;
    this.#authorization = `Bearer ${clusterTokenOf(secret)}`;
  }

  close(): void {
    this.#closing.abort(new Error('closed'));
  }

  /**
   * @returns the body of a success
   * @throws RegistryUnavailable; RegistryRefuses; RegistryError where the registry says no
   */
  async ask(call: Call): Promise<string> {
    const first = this.#current;
    let last: Exclude<Outcome, { text: string }> | undefined;
    for (let tried = 0; tried < this.#addresses.length; tried += 1) {
      const index = (first + tried) % this.#addresses.length;
      const outcome = await this.#try(this.#addresses[index]!, call);
      if ('text' in outcome) {
        this.#current = index;
        return outcome.text;
      }
      last = outcome;
      if (this.#closing.signal.aborted) break;
    }
    const { failed: cause, notActive = false } = last ?? {};
    throw new RegistryUnavailable(`no registry answers: ${cause?.message}`, { notActive, cause });
  }

  async #try(address: string, { method, path, body, timeoutMs }: Call): Promise<Outcome> {
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(new URL(path, address), {
        method,
        headers: { authorization: this.#authorization, 'content-type': 'application/json' },
        ...(body !== undefined && { body }),
        redirect: 'error',
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(timeoutMs)]),
      });
      text = await answer.text();
    } catch (error) {
      const { cause, message } = error as Error;
      return { failed: new Error(`${address}: ${(cause as Error)?.message || message}`), notActive: false };
    }
    if (answer.ok) return { text };
    if (answer.status === 401) {
      throw new RegistryRefuses(`the registry at ${address} has another FOREBAY_CLUSTER_SECRET`);
    }
    const { code, message = `status ${answer.status}` } = errorIn(text);
    if (answer.status < 500 && code !== undefined) throw new RegistryError(code, message);
    return { failed: new Error(`${address}: ${message}`), notActive: answer.status === 503 };
  }
}

function errorIn(text: string): { code?: RegistryErrorCode; message?: string } {
  try {
    return (JSON.parse(text) as { error?: { code: RegistryErrorCode; message: string } }).error ?? {};
  } catch {
    return {};
  }
}
