import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { SecretBox } from './secret-box.ts';

const box = new SecretBox(randomBytes(32));

it('opens what it sealed, and seals nothing twice alike', () => {
  const sealed = box.seal('a-secret', 'ann');
  expect(box.open(sealed, 'ann')).toBe('a-secret');
  expect(box.seal('a-secret', 'ann')).not.toBe(sealed);
  expect(Buffer.from(sealed.slice(2), 'base64').toString('latin1')).not.toContain('a-secret');
});

it('opens nothing of another owner, another key, or that was changed', () => {
  const sealed = box.seal('a-secret', 'ann');
  expect(() => box.open(sealed, 'bob')).toThrow();
  expect(() => new SecretBox(randomBytes(32)).open(sealed, 'ann')).toThrow();
  const bytes = Buffer.from(sealed.slice(2), 'base64');
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    expect(() => box.open(`1.${changed.toString('base64')}`, 'ann')).toThrow();
  }
  expect(() => box.open(`2.${sealed.slice(2)}`, 'ann')).toThrow('does not know');
  expect(() => box.open('1.', 'ann')).toThrow();
});
