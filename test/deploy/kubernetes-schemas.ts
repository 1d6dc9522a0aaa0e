/**
 * JSON schemas of Kubernetes' kinds, one file each, from the API description that Kubernetes publishes and
 * from the definitions of custom resources. Strict: a field that a kind does not have is an error.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

type Schema = { readonly [key: string]: unknown };

interface Swagger {
  readonly definitions: Readonly<Record<string, Schema>>;
}

interface CustomResource {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly name: string; readonly schema: { openAPIV3Schema: Schema } }[];
  };
}

const kindKey = 'x-kubernetes-group-version-kind';
const referencePrefix = '#/definitions/';
/** Written as text or as a number. */
const textOrNumber = new Set([
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  'io.k8s.apimachinery.pkg.api.resource.Quantity',
]);

export function writeKubernetesSchemas(
  directory: string,
  from: { readonly swagger: string; readonly customResources: readonly string[] },
): void {
  const { definitions } = JSON.parse(from.swagger) as Swagger;
  for (const [name, definition] of Object.entries(definitions)) {
    const kinds = (definition[kindKey] ?? []) as { group: string; version: string; kind: string }[];
    if (kinds.length !== 1) continue;
    const schema = { $ref: referencePrefix + name, definitions: closureOf(name, definitions) };
    write(directory, kinds[0]!, schema);
  }
  for (const text of from.customResources) {
    const { spec } = parse(text) as CustomResource;
    for (const version of spec.versions) {
      const kind = { group: spec.group, version: version.name, kind: spec.names.kind };
      write(directory, kind, withObjectFields(strict(version.schema.openAPIV3Schema) as Schema));
    }
  }
}

function write(
  directory: string,
  { group, version, kind }: { group: string; version: string; kind: string },
  schema: Schema,
): void {
  const parts = [kind, ...(group === '' ? [] : [group.split('.')[0]!]), version];
  const name = `${parts.join('-').toLowerCase()}.json`;
  writeFileSync(join(directory, name), JSON.stringify(schema));
}

/** A definition and all that it refers to. */
function closureOf(
  name: string,
  definitions: Readonly<Record<string, Schema>>,
): Readonly<Record<string, Schema>> {
  const found: Record<string, Schema> = {};
  const left = [name];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (found[next]) continue;
    const definition = definitions[next]!;
    found[next] = textOrNumber.has(next)
      ? { type: ['string', 'integer', 'number'] }
      : (strict(definition) as Schema);
    const references = JSON.stringify(definition).matchAll(/"\$ref":"#\/definitions\/([^"]+)"/g);
    left.push(...[...references].map((match) => match[1]!));
  }
  return found;
}

/** Objects whose fields are named take no others. What only Kubernetes understands is left out. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).filter(([key]) => key !== 'format' && key !== kindKey);
  const made: Record<string, unknown> = Object.fromEntries(entries.map(([key, one]) => [key, strict(one)]));
  if (made['x-kubernetes-int-or-string'] === true) {
    delete made.type;
    delete made.anyOf;
    made.type = ['string', 'integer', 'number'];
  }
  const isObject = typeof made.properties === 'object' && made.type === 'object';
  if (isObject && made.additionalProperties === undefined) made.additionalProperties = false;
  return made;
}

/** A custom resource's metadata is described nowhere but in Kubernetes itself. */
function withObjectFields(schema: Schema): Schema {
  const properties = { ...(schema.properties as Schema), metadata: { type: 'object' } };
  return { ...schema, properties };
}
