import { endpointSettings } from '../../providers/registry.ts';
import { address, databaseUrl, issuer, oneOf, proxies, scopes, signInIssuer, text, wholeNumber } from './values.ts';

/**
 * Settings: one row a variable, so that the parser, the README's table and the fault messages agree. `parse` throws an Error
 * whose message says what is wrong and shows a right value.
 */
interface Setting<Value> {
  meaning: string;
  default?: string;
  parse: (text: string) => Value;
}

const settings = {
  ARSIA_ISSUER: setting(
    'the workload issuer, as clouds will compare it byte for byte',
    issuer,
    'http://127.0.0.1:8080',
  ),
  ARSIA_LISTEN: setting('where the server listens, `host:port`', address, '127.0.0.1:8080'),
  DATABASE_URL: setting('PostgreSQL, as the least-privileged role; absent: embedded', databaseUrl),
  ARSIA_MIGRATION_DATABASE_URL: setting('PostgreSQL, as the role that owns the tables', databaseUrl),
  ARSIA_DATA: setting('folder of the embedded database', text, '.arsia'),
  ARSIA_SEALING_KEY_FILE: setting('32 bytes as base64, mode 0600; required with PostgreSQL', text),
  ARSIA_TENANCY: setting('`single` (one organisation) or `multi`', oneOf('single', 'multi'), 'single'),
  ARSIA_SIGN_IN_ISSUER: setting('the OpenID provider that people sign in at, as its tokens have it', signInIssuer),
  ARSIA_SIGN_IN_CLIENT_ID: setting(
    'what Arsia is called there; its redirect URI is `<ARSIA_ISSUER>/oauth2/callback`',
    text,
  ),
  ARSIA_SIGN_IN_CLIENT_SECRET_FILE: setting('file with the client secret', text),
  ARSIA_SIGN_IN_SCOPES: setting('what is asked for there, `openid` among it', scopes, 'openid email profile'),
  ARSIA_SIGN_IN_USERS: setting(
    'who becomes a user: `anyone` who can sign in there, or the `invited`; default by tenancy: single anyone, multi invited',
    oneOf('anyone', 'invited'),
  ),
  ARSIA_SIGN_IN_TEAMS_CLAIM: setting("the claim with the names of a person's teams", text),
  ARSIA_EXTRA_CA_FILE: setting('PEM file of further certificate authorities, for cloud endpoints', text),
  ARSIA_OUTSIDE_ISSUERS_LOOPBACK: setting(
    '`true`: service accounts may trust issuers on loopback; for development, with ARSIA_ISSUER on loopback too',
    oneOf('true', 'false'),
    'false',
  ),
  ARSIA_CLOUD_DEADLINE: setting('seconds that one exchange may take', wholeNumber(1, 60), '10'),
  ARSIA_CLOUD_CONCURRENCY: setting('exchanges at once per endpoint', wholeNumber(1, 1000), '64'),
  ARSIA_RATE_LIMIT: setting(
    'requests in a second that one caller may send to one replica, twice as many now and then; 0: any number',
    wholeNumber(0, 1_000_000),
    '200',
  ),
  ARSIA_TRUSTED_PROXIES: setting(
    'whose `X-Forwarded-For` counts: how many proxies stand in front, or their addresses and networks, comma-separated; with 0 all callers behind a proxy share one address',
    proxies,
    '0',
  ),
  ARSIA_DATABASE_POOL: setting('connections to PostgreSQL', wholeNumber(1, 500), '20'),
  ARSIA_SHUTDOWN_DELAY: setting('seconds between not-ready and closing, for load balancers', wholeNumber(0, 60), '0'),
  ARSIA_AUDIT_INTERVAL: setting('seconds between two signed checkpoints of the audit', wholeNumber(1, 3600), '10'),
  ARSIA_LOG_LEVEL: setting(
    '`debug`, `info`, `warn`, `error` or `silent`',
    oneOf('debug', 'info', 'warn', 'error', 'silent'),
    'info',
  ),
} satisfies Record<string, Setting<unknown>>;

type Settings = typeof settings;
export type SettingName = keyof Settings;
type Value<Key extends SettingName> = ReturnType<Settings[Key]['parse']> | undefined;

/** All settings: those above, and the endpoint settings that the providers declare. */
const everySetting: Readonly<Record<string, Setting<unknown>>> = {
  ...settings,
  ...Object.fromEntries(Object.values(endpointSettings).map((endpoint) => [endpoint.variable, endpoint])),
};

export interface Config {
  issuer: string;
  listen: { host: string; port: number };
  database: { url: string | undefined; migrationUrl: string | undefined; folder: string; poolSize: number };
  sealingKeyFile: string | undefined;
  tenancy: 'single' | 'multi';
  /** Undefined: nobody signs in. */
  signIn:
    | {
        issuer: string;
        clientId: string;
        clientSecretFile: string;
        scopes: string;
        users: 'anyone' | 'invited';
        teamsClaim: string | undefined;
      }
    | undefined;
  /** For development: outside issuers may be on loopback, by http too. */
  allowLoopbackIssuers: boolean;
  clouds: {
    /** Keyed by the names of `CloudEndpoints`. */
    endpoints: Readonly<Record<string, string | readonly string[]>>;
    extraCaFile: string | undefined;
    deadline: number;
    concurrency: number;
  };
  limits: { rate: number; trustedProxies: number | string[] };
  shutdownDelay: number;
  /** Seconds. */
  auditInterval: number;
  logLevel: string;
}

/** Every fault of the environment at once: the operator mends them in one go. */
export class ConfigError extends Error {
  readonly faults: string[];
  constructor(faults: string[]) {
    super(
      `Arsia cannot start: ${faults.length} bad setting${faults.length > 1 ? 's' : ''}\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    );
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/** `ARSIA_` variables that are not the server's: the client's, and Kubernetes' links of a service named arsia. */
const foreign = [/^ARSIA_URL$/, /^ARSIA_JOB_TOKEN/, /^ARSIA_SERVICE_/, /^ARSIA_PORT/];

export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const faults = unknownVariables(env);
  const read = (name: string): unknown => {
    const { parse, default: fallback } = everySetting[name]!;
    const raw = env[name] ?? fallback;
    if (raw === undefined) return undefined;
    try {
      return parse(raw);
    } catch (thrown) {
      faults.push(`${name} ${(thrown as Error).message}`);
      return undefined;
    }
  };
  const values = Object.fromEntries(Object.keys(settings).map((name) => [name, read(name)])) as {
    [Key in SettingName]: Value<Key>;
  };
  const endpoints = Object.fromEntries(
    Object.entries(endpointSettings).map(([name, { variable }]) => [name, read(variable)]),
  ) as Config['clouds']['endpoints'];
  faults.push(...relationFaults(env, values));
  if (faults.length > 0) throw new ConfigError(faults);
  return freeze({
    issuer: values.ARSIA_ISSUER!,
    listen: values.ARSIA_LISTEN!,
    database: {
      url: values.DATABASE_URL,
      migrationUrl: values.ARSIA_MIGRATION_DATABASE_URL,
      folder: values.ARSIA_DATA!,
      poolSize: values.ARSIA_DATABASE_POOL!,
    },
    sealingKeyFile: values.ARSIA_SEALING_KEY_FILE,
    tenancy: values.ARSIA_TENANCY!,
    signIn:
      values.ARSIA_SIGN_IN_ISSUER === undefined
        ? undefined
        : {
            issuer: values.ARSIA_SIGN_IN_ISSUER,
            clientId: values.ARSIA_SIGN_IN_CLIENT_ID!,
            clientSecretFile: values.ARSIA_SIGN_IN_CLIENT_SECRET_FILE!,
            scopes: values.ARSIA_SIGN_IN_SCOPES!,
            users: values.ARSIA_SIGN_IN_USERS ?? (values.ARSIA_TENANCY === 'multi' ? 'invited' : 'anyone'),
            teamsClaim: values.ARSIA_SIGN_IN_TEAMS_CLAIM,
          },
    allowLoopbackIssuers: values.ARSIA_OUTSIDE_ISSUERS_LOOPBACK === 'true',
    clouds: {
      endpoints,
      extraCaFile: values.ARSIA_EXTRA_CA_FILE,
      deadline: values.ARSIA_CLOUD_DEADLINE!,
      concurrency: values.ARSIA_CLOUD_CONCURRENCY!,
    },
    limits: { rate: values.ARSIA_RATE_LIMIT!, trustedProxies: values.ARSIA_TRUSTED_PROXIES! },
    shutdownDelay: values.ARSIA_SHUTDOWN_DELAY!,
    auditInterval: values.ARSIA_AUDIT_INTERVAL!,
    logLevel: values.ARSIA_LOG_LEVEL!,
  });
}

/** For the README and `arsia --help`: name, default, meaning. */
export function describeSettings(): { name: string; default: string; meaning: string }[] {
  return Object.entries(everySetting).map(([name, row]) => ({
    name,
    default: row.default ?? '',
    meaning: row.meaning,
  }));
}

function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(env)
    .filter(
      (name) =>
        name.startsWith('ARSIA_') && !Object.hasOwn(everySetting, name) && !foreign.some((one) => one.test(name)),
    )
    .map((name) => `${name} is no setting of Arsia: remove it or correct its name`);
}

function relationFaults(
  env: Readonly<Record<string, string | undefined>>,
  values: Partial<Record<SettingName, unknown>>,
): string[] {
  const faults: string[] = [];
  const isServer = env.DATABASE_URL !== undefined;
  if (isServer && env.ARSIA_SEALING_KEY_FILE === undefined)
    faults.push(
      'ARSIA_SEALING_KEY_FILE is missing: with DATABASE_URL every replica needs the same key (`openssl rand -base64 32 > sealing.key`)',
    );
  if (!isServer && env.ARSIA_MIGRATION_DATABASE_URL !== undefined)
    faults.push('ARSIA_MIGRATION_DATABASE_URL stands without DATABASE_URL');
  const issuerIsHttp = typeof values.ARSIA_ISSUER === 'string' && values.ARSIA_ISSUER.startsWith('http:');
  if (issuerIsHttp && isServer && env.ARSIA_ISSUER === undefined)
    faults.push('ARSIA_ISSUER is missing: with DATABASE_URL name the public https URL that clouds will fetch');
  if (values.ARSIA_OUTSIDE_ISSUERS_LOOPBACK === 'true' && !issuerIsHttp)
    faults.push(
      'ARSIA_OUTSIDE_ISSUERS_LOOPBACK must be false: it is for development, where ARSIA_ISSUER is http on loopback too',
    );
  return [...faults, ...signInFaults(env, values)];
}

const signInTriple = ['ARSIA_SIGN_IN_ISSUER', 'ARSIA_SIGN_IN_CLIENT_ID', 'ARSIA_SIGN_IN_CLIENT_SECRET_FILE'] as const;
const signInRest = ['ARSIA_SIGN_IN_SCOPES', 'ARSIA_SIGN_IN_USERS', 'ARSIA_SIGN_IN_TEAMS_CLAIM'] as const;

function signInFaults(
  env: Readonly<Record<string, string | undefined>>,
  values: Partial<Record<SettingName, unknown>>,
): string[] {
  const missing = signInTriple.filter((name) => env[name] === undefined);
  const isOff = missing.length === signInTriple.length;
  const isUpstreamHttp = String(values.ARSIA_SIGN_IN_ISSUER).startsWith('http:');
  return [
    ...(isOff ? [] : missing).map(
      (name) => `${name} is missing: sign-in needs ${signInTriple.join(', ')}, or none of them`,
    ),
    ...signInRest
      .filter((name) => isOff && env[name] !== undefined)
      .map((name) => `${name} stands without ARSIA_SIGN_IN_ISSUER`),
    ...(values.ARSIA_SIGN_IN_USERS === 'anyone' && values.ARSIA_TENANCY === 'multi'
      ? ['ARSIA_SIGN_IN_USERS must be invited with ARSIA_TENANCY=multi: nobody could say whose user anyone is']
      : []),
    ...(isUpstreamHttp && !String(values.ARSIA_ISSUER).startsWith('http:')
      ? ['ARSIA_SIGN_IN_ISSUER must be https: http is for development, where ARSIA_ISSUER is on loopback too']
      : []),
  ];
}

function setting<Value>(meaning: string, parse: (text: string) => Value, fallback?: string): Setting<Value> {
  return { meaning, parse, ...(fallback !== undefined && { default: fallback }) };
}

function freeze<Node>(node: Node): Node {
  if (typeof node === 'object' && node !== null) Object.values(node).forEach(freeze);
  return Object.freeze(node);
}
