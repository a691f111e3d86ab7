import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type Selectable, sql } from 'kysely';
import type { Database } from '../../src/database/connections.ts';
import type { Tables } from '../../src/database/tables.ts';
import { databaseKinds, freshDatabase } from '../support/databases.ts';

/** Every value of a union: the compiler refuses one that is missing and one too many. */
function valuesOf<Value extends string>(values: Record<Value, true>): string[] {
  return Object.keys(values).sort();
}

type Column<Table extends keyof Tables, Name extends keyof Selectable<Tables[Table]>> = NonNullable<
  Selectable<Tables[Table]>[Name]
> &
  string;

const role = valuesOf<Column<'memberships', 'role'>>({ viewer: true, deployer: true, owner: true });

/** The columns that the schema restricts to a list, with the union that TypeScript has for them. */
const lists: Record<string, string[]> = {
  'namespaces.kind': valuesOf<Column<'namespaces', 'kind'>>({ group: true, workspace: true }),
  'memberships.role': role,
  'invitations.role': role,
  'managed_identities.subject_scope': valuesOf<Column<'managed_identities', 'subject_scope'>>({
    identity: true,
    workspace: true,
    user: true,
    workspace_user: true,
  }),
  'managed_identities.delivery': valuesOf<Column<'managed_identities', 'delivery'>>({
    credentials: true,
    token: true,
    both: true,
  }),
  'signing_keys.state': valuesOf<Column<'signing_keys', 'state'>>({ next: true, active: true, retiring: true }),
  'audit_events.outcome': valuesOf<Column<'audit_events', 'outcome'>>({ success: true, refused: true, failed: true }),
  'team_members.source': valuesOf<Column<'team_members', 'source'>>({ manual: true, sign_in: true }),
  'organization_settings.identities_without_rules': valuesOf<
    Column<'organization_settings', 'identities_without_rules'>
  >({ open: true, closed: true }),
  'access_rules.kind': valuesOf<Column<'access_rules', 'kind'>>({
    stage: true,
    user: true,
    team: true,
    service_account: true,
    label: true,
  }),
};

interface Declared {
  nullable: boolean;
  type: string;
}

/** The columns of each table as `src/database/tables.ts` declares them. */
function declaredTables(): Record<string, Record<string, Declared>> {
  const files = ['tables.ts', ...readdirSync('src/database/tables').map((name) => join('tables', name))];
  // The table of audit events extends the event.
  const text = [...files, '../core/audit.ts', '../core/origin.ts']
    .map((file) => readFileSync(join('src/database', file), 'utf8'))
    .join('\n')
    .replace(/\/\*\*[\s\S]*?\*\//g, '');
  const membersOf = (name: string): string => {
    const [, base, own] = new RegExp(`interface ${name}(?: extends (?:Omit<)?(\\w+).*)? \\{\\n([\\s\\S]*?)\\n\\}`).exec(
      text,
    )!;
    return base === undefined ? own! : `${membersOf(base)}\n${own}`;
  };
  const tables = [...membersOf('Tables').matchAll(/^\s*(\w+): (\w+);$/gm)];
  return Object.fromEntries(
    tables.map(([, table, type]) => {
      const columns = [...membersOf(type!).matchAll(/^\s*(\w+): (.+);$/gm)].map(([, column, declared]) => {
        const nullable = declared!.includes('| null');
        return [column!, { nullable, type: plainType(declared!) }];
      });
      return [table!, Object.fromEntries(columns)];
    }),
  );
}

/** The type as a value of the database has it; unions and their names are texts. */
function plainType(declared: string): string {
  const bare = declared
    .replace(' | null', '')
    .replace(/^Generated<(.*)>$/, '$1')
    .replace(/^ColumnType<(\w+),.*$/, '$1');
  if (bare.startsWith('Json')) return 'object';
  return ['number', 'boolean', 'Date', 'Uint8Array', 'string[]'].includes(bare) ? bare : 'string';
}

const typesOfDatabase: Record<string, string> = {
  text: 'string',
  'text[]': 'string[]',
  integer: 'number',
  bigint: 'number',
  boolean: 'boolean',
  bytea: 'Uint8Array',
  jsonb: 'object',
  'timestamp with time zone': 'Date',
};

describe.each(databaseKinds)('the migrated schema (%s)', (kind) => {
  let database: Database;
  beforeAll(async () => {
    ({ database } = await freshDatabase(kind));
  });

  test('has the tables and columns that tables.ts declares, and no others that the code reads', async () => {
    const { rows } = await sql<{ table: string; column: string; type: string; nullable: boolean }>`
      SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type,
        NOT a.attnotnull AS nullable
      FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped`.execute(
      database.query,
    );
    const migrated: Record<string, Record<string, Declared>> = {};
    for (const { table, column, type, nullable } of rows) {
      migrated[table] ??= {};
      migrated[table][column] = { nullable, type: typesOfDatabase[type] ?? type };
    }
    // Written by triggers, read in hand-written SQL only (migrations/0010).
    delete migrated.authority_changes;
    expect(declaredTables()).toEqual(migrated);
  });

  test('allows in a column with a list what its TypeScript union allows', async () => {
    const { rows } = await sql<{ table: string; definition: string }>`
      SELECT c.relname AS table, pg_get_constraintdef(k.oid) AS definition
      FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid
      WHERE k.contype = 'c' AND c.relnamespace = 'public'::regnamespace`.execute(database.query);
    const found = rows.flatMap(({ table, definition }) => {
      const list = /\(\((\w+) = ANY \(ARRAY\[(.*)\]\)\)\)/.exec(definition);
      if (list === null) return [];
      const values = [...list[2]!.matchAll(/'([^']*)'/g)].map((match) => match[1]!);
      return [[`${table}.${list[1]}`, values.sort()] as const];
    });
    expect(Object.fromEntries(found)).toEqual(lists);
  });
});
