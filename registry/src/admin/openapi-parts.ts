/** Words that the OpenAPI document is made of. */
import { unansweredHeader } from './insight/unanswered.ts';

export const jsonOf = (schema: object) => ({ 'application/json': { schema } });
export const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
export const answer = (description: string, schema: object) => ({ description, content: jsonOf(schema) });
/** Of a cluster: put together from what its members answer. */
export const gathered = (description: string, schema: object) => ({
  ...answer(description, schema),
  headers: {
    [unansweredHeader]: {
      description: 'Ids of nodes and gateways that did not answer, and are left out; absent: none.',
      schema: text,
    },
  },
});
export const error = (description: string) => answer(description, ref('Error'));
export const query = (name: string, description: string) => ({
  name,
  in: 'query',
  required: true,
  description,
  schema: { type: 'string' },
});
export const text = { type: 'string' };
export const count = { type: 'integer', minimum: 0 };
export const objectOf = (properties: Record<string, object>, required = Object.keys(properties)) => ({
  type: 'object',
  properties,
  required,
});
