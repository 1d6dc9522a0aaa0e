/**
 * Which operation a request means: sub-resources first, so that none falls through to the plain one (S3-WIRE
 * 120).
 */

import { S3Error } from './errors.ts';
import type { Operation, OperationTarget } from './operation.ts';
import { subResources } from './sub-resources.ts';
import type { Query, RequestHeaders } from './types.ts';

export interface LookupRequest {
  readonly method: string;
  readonly target: OperationTarget;
  readonly query: Query;
  readonly headers: Pick<RequestHeaders, 'get'>;
}

export type Lookup =
  | { readonly operation: Operation; readonly error?: undefined }
  | { readonly operation: Operation | undefined; readonly error: S3Error };

const resourceTypes = { service: 'SERVICE', bucket: 'BUCKET', object: 'OBJECT' } as const;

export class OperationLookup {
  readonly #byTarget: Record<OperationTarget, readonly Operation[]>;
  /** `GET object`: of a request without a query, as most are, only the rows that ask for none fit. */
  readonly #withoutQuery = new Map<string, readonly Operation[]>();

  constructor(operations: readonly Operation[]) {
    // The more a row asks for, the earlier it is tried: UploadPart before PutObject.
    const sorted = [...operations].sort((a, b) => demandsOf(b) - demandsOf(a));
    const of = (target: OperationTarget) => sorted.filter((operation) => operation.target === target);
    this.#byTarget = { service: of('service'), bucket: of('bucket'), object: of('object') };
    const plain = sorted.filter(({ query = [] }) => query.length === 0);
    const byNames = Map.groupBy(plain, ({ method, target }) => `${method} ${target}`);
    for (const [names, rows] of byNames) this.#withoutQuery.set(names, rows);
  }

  /** Never throws: an error comes with the operation's name where there is one. */
  find(request: LookupRequest): Lookup {
    if (request.query.entries.length === 0) {
      const rows = this.#withoutQuery.get(`${request.method} ${request.target}`);
      const operation = rows?.find(({ headers = [] }) => hasAll(request, headers));
      if (operation) return this.#checked(operation, request);
    }
    const present = request.query.entries.map(([name]) => name).filter((name) => subResources.has(name));
    const fitting = this.#byTarget[request.target].filter((operation) => fits(operation, request, present));
    const operation = fitting.find(({ method }) => method === request.method);
    if (operation) return this.#checked(operation, request);
    return { operation: undefined, error: this.#refusal(request, present, fitting) };
  }

  #checked(operation: Operation, request: LookupRequest): Lookup {
    if (!operation.read && !operation.write)
      return { operation, error: notImplemented(operation.query?.[0]) };
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const unknown = isRead ? undefined : strangerIn(request.query, operation);
    if (unknown !== undefined) return { operation, error: notImplemented(unknown) };
    if (request.headers.get('x-amz-copy-source') !== undefined && !operation.headers) {
      const message = 'You can only specify a copy source header for copy requests.';
      return { operation, error: new S3Error('InvalidArgument', { message }) };
    }
    return { operation };
  }

  #refusal(request: LookupRequest, present: readonly string[], fitting: readonly Operation[]): S3Error {
    const { method, target } = request;
    if (method === 'PUT' && present.includes('partNumber') && !present.includes('uploadId')) {
      return new S3Error('InvalidArgument', {
        message: 'This operation does not accept partNumber without uploadId',
      });
    }
    if (method === 'GET' && target === 'object' && present.includes('uploads')) {
      return new S3Error('InvalidRequest', {
        message: 'Key is not expected for the GET method ?uploads subresource',
      });
    }
    if (fitting.length === 0 && present.length === 1) return notImplemented(present[0]);
    if (fitting.length === 0 && present.length > 1) {
      return new S3Error('InvalidArgument', {
        message: `Conflicting query string parameters: ${present.join(', ')}`,
        fields: { ArgumentName: 'ResourceType', ArgumentValue: present[0]! },
      });
    }
    const methods = [...new Set(fitting.map((operation) => operation.method))].sort();
    return new S3Error('MethodNotAllowed', {
      fields: { Method: method, ResourceType: resourceTypes[target] },
      headers: methods.length > 0 ? [['allow', methods.join(', ')]] : [],
    });
  }
}

function demandsOf(operation: Operation): number {
  return (operation.query?.length ?? 0) + (operation.headers?.length ?? 0);
}

function fits(operation: Operation, request: LookupRequest, present: readonly string[]): boolean {
  const query = operation.query ?? [];
  return (
    query.every((demand) => holds(request.query, demand)) &&
    hasAll(request, operation.headers ?? []) &&
    present.every((name) => query.includes(name) || operation.optionalQuery?.includes(name) === true)
  );
}

function hasAll({ headers }: LookupRequest, names: readonly string[]): boolean {
  return names.every((name) => headers.get(name) !== undefined);
}

function holds(query: Query, demand: string): boolean {
  const at = demand.indexOf('=');
  return at < 0 ? query.has(demand) : query.get(demand.slice(0, at)) === demand.slice(at + 1);
}

/**
 * A parameter without a value that we do not know could be a sub-resource of tomorrow. To ignore it on a
 * read is S3's rule (S3-WIRE 4); to ignore it on a write could turn `DELETE ?something` into the end of the
 * object.
 */
function strangerIn(query: Query, operation: Operation): string | undefined {
  for (const [name, value] of query.entries) {
    const isKnown =
      name === 'versionId' || operation.query?.includes(name) || operation.optionalQuery?.includes(name);
    if (value === '' && !isKnown && !/^x-(amz-|id$)/i.test(name)) return name;
  }
  return undefined;
}

function notImplemented(name: string | undefined): S3Error {
  return new S3Error('NotImplemented', name === undefined ? {} : { fields: { Header: name } });
}
