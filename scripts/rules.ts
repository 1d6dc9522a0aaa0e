/** The rules of deploy/prometheus, as they stand there. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const prometheusDirectory = new URL('../deploy/prometheus/', import.meta.url);
export const rulesFile = new URL('forebay.rules.yml', prometheusDirectory);

export interface RuleGroups {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

export function ruleGroups(): RuleGroups {
  return parse(readFileSync(rulesFile, 'utf8')) as RuleGroups;
}

export const allRules = (): readonly Rule[] => ruleGroups().groups.flatMap(({ rules }) => rules);
