/** Syntax of the Authorization header (S3-WIRE 21, 23). */
import { S3Error } from '../errors.ts';

export interface AuthorizationHeader {
  readonly credential: string;
  readonly signedHeaders: string;
  readonly signature: string;
}

const algorithm = 'AWS4-HMAC-SHA256';

/** @throws S3Error InvalidArgument, InvalidRequest, AuthorizationHeaderMalformed */
export function parseAuthorization(value: string): AuthorizationHeader {
  const spaceAt = value.indexOf(' ');
  if (spaceAt < 0) {
    throw new S3Error('InvalidArgument', {
      message: "Authorization header is invalid -- one and only one ' ' (space) required.",
      fields: { ArgumentName: 'Authorization', ArgumentValue: value },
    });
  }
  const type = value.slice(0, spaceAt);
  if (type === 'AWS') throw unsupportedMechanism();
  if (type !== algorithm) {
    throw new S3Error('InvalidArgument', {
      message: 'Unsupported Authorization Type',
      fields: { ArgumentName: 'Authorization', ArgumentValue: value },
    });
  }
  return componentsOf(value.slice(spaceAt + 1));
}

export function unsupportedMechanism(): S3Error {
  return new S3Error('InvalidRequest', {
    message: `The authorization mechanism you have provided is not supported. Please use ${algorithm}.`,
  });
}

/** @param authorization the header's value, where there is one */
export function severalMechanisms(authorization: string): S3Error {
  return new S3Error('InvalidArgument', {
    message:
      'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string ' +
      'parameter or the Authorization header should be specified',
    fields: { ArgumentName: 'Authorization', ArgumentValue: authorization },
  });
}

function componentsOf(text: string): AuthorizationHeader {
  const components = text.split(',').map((component) => component.trim());
  if (components.length !== 3) {
    throw malformed(
      'the authorization header requires three components: Credential, SignedHeaders, and Signature.',
    );
  }
  const values = new Map<string, string>();
  for (const component of components) {
    const equalsAt = component.indexOf('=');
    if (equalsAt < 0) throw malformed(`the authorization component "${component}" is malformed.`);
    values.set(component.slice(0, equalsAt), component.slice(equalsAt + 1));
  }
  const required = (name: string): string => {
    const value = values.get(name);
    if (!value) throw malformed(`missing ${name}.`);
    return value;
  };
  return {
    credential: required('Credential'),
    signedHeaders: required('SignedHeaders'),
    signature: required('Signature'),
  };
}

function malformed(message: string): S3Error {
  return new S3Error('AuthorizationHeaderMalformed', {
    message: `The authorization header is malformed; ${message}`,
  });
}
