/** CORS preflight: browsers ask it unsigned. No bucket has CORS rules in this version (S3-WIRE 125). */
import type { Exchange } from '../exchange.ts';
import { S3Error } from './errors.ts';
import type { RequestHeaders } from './types.ts';

/** @throws S3Error BadRequest, AccessForbidden */
export function answerPreflight(exchange: Exchange, headers: RequestHeaders): never {
  exchange.operation = 'PreflightRequest';
  if (headers.get('origin') === undefined) {
    throw new S3Error('BadRequest', {
      message: 'Insufficient information. Origin request header needed.',
    });
  }
  throw new S3Error('AccessForbidden', {
    fields: { Method: headers.get('access-control-request-method') ?? 'OPTIONS', ResourceType: 'BUCKET' },
  });
}
