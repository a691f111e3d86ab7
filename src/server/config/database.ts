import { type Environment, group, setting } from './setting.ts';
import { databaseUrl, text, wholeNumber } from './values.ts';

export const databaseGroup = group({
  title: 'Database',
  settings: {
    url: setting({
      variable: 'DATABASE_URL',
      meaning: 'PostgreSQL, as a role that owns no tables. Absent: the embedded database, for one process',
      parse: databaseUrl,
    }),
    migrationUrl: setting({
      variable: 'ARSIA_MIGRATION_DATABASE_URL',
      meaning: 'PostgreSQL, as the role that owns the tables: it migrates and grants',
      parse: databaseUrl,
    }),
    folder: setting({
      variable: 'ARSIA_DATA',
      meaning: 'folder of the embedded database',
      default: '.arsia',
      parse: text,
    }),
    poolSize: setting({
      variable: 'ARSIA_DATABASE_POOL',
      meaning: 'connections to PostgreSQL',
      default: '20',
      parse: wholeNumber(1, 500),
    }),
  },
  relationFaults: ({ env }) => (env.DATABASE_URL === undefined ? embeddedFaults(env) : postgresFaults(env)),
});

function embeddedFaults(env: Environment): string[] {
  return env.ARSIA_MIGRATION_DATABASE_URL === undefined
    ? []
    : ['ARSIA_MIGRATION_DATABASE_URL is set without DATABASE_URL'];
}

function postgresFaults(env: Environment): string[] {
  const needed = {
    ARSIA_SEALING_KEY_FILE:
      'with DATABASE_URL every replica needs the same key (`openssl rand -base64 32 > sealing.key`)',
    ARSIA_ISSUER: 'with DATABASE_URL name the public https URL that clouds will fetch',
  };
  return Object.entries(needed).flatMap(([name, advice]) =>
    env[name] === undefined ? [`${name} is missing: ${advice}`] : [],
  );
}
