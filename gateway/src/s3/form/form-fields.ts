/** The fields of an upload form, by the names that S3 knows without their case. */
import { S3Error } from '../errors.ts';
import type { FormHead } from './form-reader.ts';

/** They hold up the policy, or nothing: no condition has to speak of them (AWS "POST policy"). */
const exempt = new Set(['policy', 'x-amz-signature', 'signature', 'awsaccesskeyid']);

const fileNameVariable = /\$\{filename\}/g;

export class FormFields {
  readonly #values = new Map<string, string>();

  /** @throws S3Error MalformedPOSTRequest for a field that is there twice: which one would count? */
  constructor({ fields, fileName }: FormHead) {
    for (const [sent, value] of fields) {
      const name = sent.toLowerCase();
      if (name.startsWith('x-ignore-')) continue;
      if (this.#values.has(name)) throw new S3Error('MalformedPOSTRequest');
      const isSigned = exempt.has(name);
      this.#values.set(name, isSigned ? value : value.replaceAll(fileNameVariable, () => fileName));
    }
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** Lower-case names. */
  get entries(): readonly (readonly [name: string, value: string])[] {
    return [...this.#values];
  }

  /** Names that the policy must allow. */
  get judged(): readonly string[] {
    return [...this.#values.keys()].filter((name) => !exempt.has(name));
  }

  /** @throws S3Error InvalidArgument */
  required(name: string, shown = name): string {
    const value = this.#values.get(name);
    if (value !== undefined) return value;
    throw new S3Error('InvalidArgument', {
      message:
        `Bucket POST must contain a field named '${shown}'.  ` +
        'If it is specified, please check the order of the fields.',
      fields: { ArgumentName: shown, ArgumentValue: '' },
    });
  }
}
