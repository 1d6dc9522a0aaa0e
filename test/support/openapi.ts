/** What the admin API answers, held against what its OpenAPI document says that it does. */
import { openApi } from '@forebay/registry/admin/openapi';
import { Ajv2020 } from 'ajv/dist/2020.js';

type Schema = Readonly<Record<string, unknown>>;

/** Asks the admin API for JSON. */
export type AskAdmin = (path: string) => Promise<unknown>;

/** What some paths need to be asked with; the id in a path is a job's, the key a setting's. */
const parameters: Readonly<Record<string, string>> = {
  '/api/v1/browse': '?keys=s3://lake/',
  '/api/v1/objects': '?bucket=lake&key=images/1.jpg',
  '/api/v1/objects/pages': '?bucket=lake&key=images/1.jpg',
};
const notJson = new Set(['/metrics', '/api/v1/openapi.json']);

/** What the answers have that the document does not say, or lack that it says; empty: they agree. */
export async function undocumentedAnswers(ask: AskAdmin): Promise<string[]> {
  const { paths, components } = openApi('0');
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema({ $id: 'api', components: { schemas: closed(components.schemas) } });
  const wrong: string[] = [];
  const [job] = (await ask('/api/v1/jobs')) as { id: string }[];
  for (const [path, methods] of Object.entries(paths)) {
    const schema = 'get' in methods ? schemaOf(methods.get) : undefined;
    if (!schema || notJson.has(path) || (path.includes('{id}') && !job)) continue;
    const validate = ajv.compile(absolute(closed(schema)) as Schema);
    if (
      validate(
        await ask(
          path.replace('{id}', job?.id ?? '').replace('{key}', 'logLevel') + (parameters[path] ?? ''),
        ),
      )
    )
      continue;
    for (const { instancePath, message, params } of validate.errors ?? []) {
      wrong.push(`GET ${path}: ${instancePath} ${message} ${JSON.stringify(params)}`);
    }
  }
  return wrong;
}

function schemaOf({ responses }: { readonly responses: object }): Schema | undefined {
  const ok = (responses as Record<string, { content?: Record<string, { schema: Schema }> }>)['200'];
  return ok?.content?.['application/json']?.schema;
}

/** A property that is not named is one that nobody documented. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).map(([name, value]) => [name, closed(value)] as const);
  const of = Object.fromEntries(entries);
  const isObject = of.type === 'object' && 'properties' in of && !('additionalProperties' in of);
  return isObject ? { ...of, additionalProperties: false } : of;
}

function absolute(schema: unknown): unknown {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"api#/components'));
}
