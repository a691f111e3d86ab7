import { createRequire } from 'node:module';

// Not imported: its types bring those of browsers into the whole project.
const { parse } = createRequire(import.meta.url)('@cdktf/hcl2json') as {
  parse(filename: string, text: string): Promise<unknown>;
};

/** Returns a configuration as HashiCorp's parser reads it, with literals as their texts. Throws for what is not HCL. */
export async function parseHcl(text: string): Promise<Record<string, unknown>> {
  return toLiterals(await parse('document.tf', text)) as Record<string, unknown>;
}

/** Returns the value within `jsonencode(…)`, which the parser leaves as source. */
export async function parseJsonencode(source: unknown): Promise<unknown> {
  const [, inner] = /^\$\{jsonencode\((.*)\)\}$/s.exec(String(source))!;
  return (await parseHcl(`value = ${inner}`)).value;
}

/** The parser writes `${` and `%{` of a literal as HCL does, since its output is JSON for Terraform. */
function toLiterals(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith('${jsonencode(') ? value : value.replace(/([$%])\1\{/g, '$1{');
  if (Array.isArray(value)) return value.map(toLiterals);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [toLiterals(name), toLiterals(member)]));
}
