/**
 * What a user may do: the user's policies, compiled once, asked on every request. An explicit deny wins, then
 * an allow; otherwise no (IAM: "Policy evaluation logic"). An answer looks only at the statements that name the
 * action, and allocates nothing.
 */
import type { S3Action } from './actions.ts';
import type { ConditionValues } from './condition-keys.ts';
import { type ConditionTest, compileCondition } from './conditions.ts';
import { compilePattern, type Matcher } from './pattern.ts';
import type { Policy, Statement } from './policy.ts';

interface Rule {
  readonly negated: boolean;
  readonly resources: readonly Matcher[];
  readonly conditions: readonly ConditionTest[];
}

interface Rules {
  readonly deny: Rule[];
  readonly allow: Rule[];
}

export class Permissions {
  readonly #rules = new Map<S3Action, Rules>();

  constructor(policies: readonly Policy[], username: string) {
    for (const statement of policies.flatMap(({ statements }) => statements)) {
      const rule = ruleOf(statement, username);
      for (const action of statement.actions) {
        const rules = this.#rules.get(action) ?? { deny: [], allow: [] };
        this.#rules.set(action, rules);
        rules[statement.effect === 'Deny' ? 'deny' : 'allow'].push(rule);
      }
    }
  }

  /**
   * @param resource what follows `arn:aws:s3:::`: `bucket/key`, `bucket`, and empty for the service.
   */
  allows(action: S3Action, resource: string, values: ConditionValues): boolean {
    const rules = this.#rules.get(action);
    if (rules === undefined || rules.allow.length === 0) return false;
    for (const rule of rules.deny) if (applies(rule, resource, values)) return false;
    for (const rule of rules.allow) if (applies(rule, resource, values)) return true;
    return false;
  }
}

function ruleOf({ effect, resources, conditions }: Statement, username: string): Rule {
  return {
    negated: resources.negated,
    resources: resources.patterns.map((pattern) => compilePattern(pattern, username)),
    conditions: conditions.map((condition) => compileCondition(condition, { username, effect })),
  };
}

function applies(rule: Rule, resource: string, values: ConditionValues): boolean {
  let fits = false;
  for (const matches of rule.resources) {
    if (matches(resource)) {
      fits = true;
      break;
    }
  }
  if (fits === rule.negated) return false;
  for (const holds of rule.conditions) if (!holds(values)) return false;
  return true;
}
