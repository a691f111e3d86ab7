interface Schema {
  description?: string;
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  anyOf?: Schema[];
  items?: Schema;
  [keyword: string]: unknown;
}
interface Content {
  content?: Record<string, { schema?: Schema }>;
}
interface Operation {
  description?: string;
  parameters?: { name: string; in: string; description?: string; schema: Schema }[];
  requestBody?: Content;
  responses: Record<string, Content>;
}
interface Document {
  paths: Record<string, Record<string, unknown>>;
  components: { schemas: Record<string, Schema> };
}

const methods = ['get', 'put', 'post', 'patch', 'delete'];
const valueKeywords = ['enum', 'const', 'default', 'examples', 'format'];

/**
 * Returns a sentence for each operation, parameter and field of an OpenAPI document that has no description, for each
 * operation that does not say who may call it or list its errors, and for each text, number or list of these that has neither
 * an example nor a keyword that says what it looks like.
 */
export function findUndescribed(document: object): string[] {
  const { paths, components } = document as Document;
  const described = ({ description, $ref }: Schema) =>
    Boolean(description ?? components.schemas[$ref?.split('/').at(-1) ?? '']?.description);
  const faults: string[] = [];
  const report = (what: string, schema: Schema) => {
    if (!described(schema)) faults.push(`${what} has no description`);
    if (needsExample(schema)) faults.push(`${what} has no example`);
  };

  /** Reports the fields of a schema. References are reported where they are declared. */
  function visit(value: unknown, where: string): void {
    if (typeof value !== 'object' || value === null) return;
    for (const [keyword, part] of Object.entries(value)) {
      if (valueKeywords.includes(keyword)) continue;
      if (keyword !== 'properties') visit(part, where);
      else
        for (const [name, field] of Object.entries(part as Record<string, Schema>)) {
          report(`${where}/${name}`, field);
          visit(field, `${where}/${name}`);
        }
    }
  }

  const visitContent = ({ content = {} }: Content, where: string) => {
    for (const { schema } of Object.values(content)) visit(schema, where);
  };
  for (const [path, item] of Object.entries(paths))
    for (const method of methods.filter((one) => one in item)) {
      const operation = item[method] as Operation;
      const name = `${method.toUpperCase()} ${path}`;
      for (const fault of findProseFaults(operation.description)) faults.push(`${name} ${fault}`);
      for (const { name: parameter, in: place, description, schema } of operation.parameters ?? [])
        report(`${name}: ${place} parameter ${parameter}`, { ...schema, ...(description && { description }) });
      visitContent(operation.requestBody ?? {}, `${name}: request field `);
      for (const [status, response] of Object.entries(operation.responses))
        visitContent(response, `${name}: field of the answer ${status} `);
    }
  for (const [name, schema] of Object.entries(components.schemas)) visit(schema, `schema ${name}: field `);
  return faults;
}

/** Returns what the description of an operation lacks: what it does, who may call it, or its errors. */
function findProseFaults(description = ''): string[] {
  return [
    ...(/^\s*(?:\*\*|$)/.test(description) ? ['has no description'] : []),
    ...(description.includes('**Who may:** ') ? [] : ['does not say who may call it']),
    ...(description.includes('**Errors:** ') ? [] : ['does not list its errors']),
  ];
}

/** Returns whether neither the type of a value nor a keyword says what it looks like. */
function needsExample({ anyOf, items, ...schema }: Schema): boolean {
  if (valueKeywords.some((keyword) => keyword in schema)) return false;
  if (items !== undefined) return needsExample(items);
  if (anyOf !== undefined) return anyOf.some(needsExample);
  return [schema.type].flat().some((type) => ['string', 'integer', 'number'].includes(type ?? ''));
}
