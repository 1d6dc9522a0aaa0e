import { describe, expect, it } from 'vitest';
import { authorizationOf, exampleScope } from './auth-fixture.ts';
import { claimOf } from './claims.ts';
import { parseScope } from './scope.ts';

const signatures = ['a'.repeat(64), 'b'.repeat(64)] as const;
const scope = parseScope('header', `AKIAIOSFODNN7EXAMPLE/${exampleScope}`);

describe('claims of good signatures', () => {
  it('are parsed once, and the signature each time', () => {
    const names = 'host;x-amz-date';
    claimOf(authorizationOf(names, signatures[0])).remember(scope);
    const again = claimOf(authorizationOf(names, signatures[1]));
    expect(again).toMatchObject({ scope, signature: signatures[1], signedNames: { list: names.split(';') } });
    expect(claimOf(authorizationOf('host', signatures[1])).scope).toBeUndefined();
  });

  it('are not remembered where a client makes them long', () => {
    const names = Array.from({ length: 300 }, (_, index) => `n${index}`).join(';');
    claimOf(authorizationOf(names, signatures[0])).remember(scope);
    expect(claimOf(authorizationOf(names, signatures[1])).scope).toBeUndefined();
  });
});
