/** Returns the names of an entity's columns in a query that knows its table as `alias`. */
export function columnsOf<Name extends string, Alias extends string>(
  { columns }: { columns: readonly Name[] },
  alias: Alias,
): `${Alias}.${Name}`[] {
  return columns.map((name) => `${alias}.${name}` as const);
}
