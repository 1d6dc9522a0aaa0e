/**
 * Secrets at rest: AES-256-GCM with a key that lies apart from the records. What a sealed text belongs to is
 * authenticated with it, so that a record cannot be given the secret of another.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

export const secretBoxKeyBytes = 32;
const ivBytes = 12;
const tagBytes = 16;

export class SecretBox {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    if (key.length !== secretBoxKeyBytes) throw new Error(`a key has ${secretBoxKeyBytes} bytes`);
    this.#key = key;
  }

  /** `1.` and base64 of iv, tag and what is sealed. A fresh iv each time. */
  seal(secret: string, owner: string): string {
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv, { authTagLength: tagBytes });
    cipher.setAAD(Buffer.from(owner));
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return `1.${Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64')}`;
  }

  /** @throws Error where the key is another one, or text or owner were changed */
  open(text: string, owner: string): string {
    if (!text.startsWith('1.')) throw new Error('sealed in a way that this version does not know');
    const bytes = Buffer.from(text.slice(2), 'base64');
    const iv = bytes.subarray(0, ivBytes);
    const decipher = createDecipheriv('aes-256-gcm', this.#key, iv, { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(owner));
    decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
    return decipher.update(bytes.subarray(ivBytes + tagBytes), undefined, 'utf8') + decipher.final('utf8');
  }
}
