import { describe, expect, test } from '@jest/globals';
import { ConfigError, describeSettings, parseConfig } from '../../src/server/config/config.ts';

type Env = Record<string, string | undefined>;

function faultsOf(env: Env): string[] {
  try {
    parseConfig(env);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    return thrown.faults;
  }
}

const server = { DATABASE_URL: 'postgres://arsia@db.example.com/arsia', ARSIA_SEALING_KEY_FILE: 'keys/sealing.key' };
const production = { ...server, ARSIA_ISSUER: 'https://arsia.example.com' };

describe('settings', () => {
  test('an empty environment gives a development server on loopback with the embedded database', () => {
    expect(parseConfig({})).toMatchObject({
      issuer: 'http://127.0.0.1:8080',
      listen: { host: '127.0.0.1', port: 8080 },
      database: { url: undefined, migrationUrl: undefined, folder: '.arsia' },
      sealingKeyFile: undefined,
      tenancy: 'single',
      clouds: {
        endpoints: {
          aws_sts: [],
          azure_authority_hosts: [],
          google_sts: 'https://sts.googleapis.com',
          google_iam: 'https://iamcredentials.googleapis.com',
        },
        deadline: 10,
      },
      extraCaFile: undefined,
      outbound: { extraCaHosts: undefined, proxy: undefined, noProxy: [] },
      logLevel: 'info',
    });
  });

  test('reads the settings of a production server', () => {
    const config = parseConfig({
      ...production,
      ARSIA_LISTEN: '[::]:443',
      ARSIA_MIGRATION_DATABASE_URL: 'postgresql://owner:pw@db.example.com/arsia?sslmode=verify-full',
      ARSIA_TENANCY: 'multi',
      ARSIA_AWS_STS_ENDPOINTS: 'https://rgw.example.com, https://minio.example.com:9000',
      ARSIA_AZURE_AUTHORITY_HOSTS: 'https://login.microsoftonline.us',
      ARSIA_EXTRA_CA_FILE: '/etc/ca.pem',
      ARSIA_CLOUD_DEADLINE: '5',
      ARSIA_LOG_LEVEL: 'warn',
    });
    expect(config).toMatchObject({
      issuer: 'https://arsia.example.com',
      listen: { host: '::', port: 443 },
      database: { url: server.DATABASE_URL },
      tenancy: 'multi',
      clouds: { endpoints: { aws_sts: ['https://rgw.example.com', 'https://minio.example.com:9000'] }, deadline: 5 },
    });
    expect(() => Object.assign(config, { issuer: 'https://evil.example' })).toThrow(TypeError);
    expect(() => (config.clouds.endpoints.aws_sts as string[]).push('https://evil.example')).toThrow(TypeError);
  });

  test('reads the proxy for outbound calls, and the hosts that are called without it', () => {
    const { outbound } = parseConfig({
      ARSIA_OUTBOUND_PROXY: 'http://arsia:p%40ss@proxy.example.com:3128',
      ARSIA_OUTBOUND_NO_PROXY: 'Internal.example, 10.0.0.0/8',
    });
    expect(outbound).toEqual({
      extraCaHosts: undefined,
      proxy: 'http://arsia:p%40ss@proxy.example.com:3128',
      noProxy: ['internal.example', '10.0.0.0/8'],
    });
    expect(faultsOf({ ARSIA_OUTBOUND_NO_PROXY: 'internal.example' })).toEqual([
      'ARSIA_OUTBOUND_NO_PROXY is set without ARSIA_OUTBOUND_PROXY',
    ]);
  });

  test('reads the hosts of the extra certificate authorities', () => {
    const ARSIA_EXTRA_CA_FILE = '/etc/ca.pem';
    const read = (ARSIA_EXTRA_CA_HOSTS: string) =>
      parseConfig({ ARSIA_EXTRA_CA_FILE, ARSIA_EXTRA_CA_HOSTS }).outbound.extraCaHosts;
    expect(read('Ceph.example, *')).toEqual(['ceph.example', '*']);
    // It would turn the authorities off.
    expect(faultsOf({ ARSIA_EXTRA_CA_FILE, ARSIA_EXTRA_CA_HOSTS: '' })).toEqual(['ARSIA_EXTRA_CA_HOSTS is empty']);
    expect(faultsOf({ ARSIA_EXTRA_CA_HOSTS: 'ceph.example' })).toEqual([
      'ARSIA_EXTRA_CA_HOSTS is set without ARSIA_EXTRA_CA_FILE',
    ]);
  });

  test.each([
    'proxy.example.com:3128',
    'https://proxy.example.com',
    'socks5://proxy.example.com',
    'http://arsia:hunter2@proxy.example.com/path',
    'http://arsia:hunter2%@proxy.example.com',
    'http://arsia:hunter2%ff@proxy.example.com',
    'http://proxy.example.com?x=hunter2',
    '',
  ])('refuses the proxy %j without repeating it', (ARSIA_OUTBOUND_PROXY) => {
    const faults = faultsOf({ ARSIA_OUTBOUND_PROXY });
    expect(faults).toEqual([
      expect.stringMatching(/^ARSIA_OUTBOUND_PROXY must be http:.*http:\/\/proxy\.example\.com:3128$/),
    ]);
    expect(faults.join()).not.toContain('hunter2');
  });

  test('N60 lists all faults at once, each with its variable and a valid value', () => {
    const env = {
      ARSIA_ISSUER: 'http://arsia.example.com',
      ARSIA_LISTEN: '8080',
      DATABASE_URL: 'mysql://root:hunter2hunter2@db/arsia',
      ARSIA_MIGRATION_DATABASE_URL: 'nonsense',
      ARSIA_DATA: ' ',
      ARSIA_TENANCY: 'many',
      ARSIA_AWS_STS_ENDPOINTS: 'https://good.example.com,ftp://bad.example.com',
      ARSIA_AZURE_AUTHORITY_HOSTS: 'http://127.0.0.1:1',
      ARSIA_GOOGLE_STS_ENDPOINT: 'https://sts.example.com/',
      ARSIA_GOOGLE_IAM_ENDPOINT: 'https://user:pw@iam.example.com',
      ARSIA_CLOUD_DEADLINE: '0',
      ARSIA_CLOUD_CONCURRENCY: 'lots',
      ARSIA_DATABASE_POOL: '1e3',
      ARSIA_SHUTDOWN_DELAY: '-1',
      ARSIA_LOG_LEVEL: 'verbose',
      ARSIA_ISUER: 'https://arsia.example.com',
      ARSIA_KEY: 'x',
    };
    const faults = faultsOf(env);
    for (const name of Object.keys(env)) expect(faults.filter((fault) => fault.startsWith(`${name} `))).toHaveLength(1);
    // The fault of the missing variable.
    expect(faults).toContainEqual(expect.stringMatching(/^ARSIA_SEALING_KEY_FILE is missing.*openssl rand -base64 32/));
    expect(faults).toHaveLength(Object.keys(env).length + 1);
    expect(faults.join('\n')).not.toContain('hunter2');
    expect(new ConfigError(faults).message).toBe(
      `Arsia cannot start: ${faults.length} bad settings\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    );
    expect(new ConfigError(['x']).message).toMatch(/^Arsia cannot start: 1 bad setting\n/);
  });

  test.each([
    'http://arsia.example.com',
    'https://arsia.example.com/',
    'https://arsia.example.com/path/',
    'https://arsia.example.com?x=1',
    'https://arsia.example.com#x',
    'https://ARSIA.example.com',
    'https://arsia.example.com:443',
    'https://arsia.example.com/a/../b',
    'https://good.example@evil.example',
    'https://user:pw@arsia.example.com',
    'arsia.example.com',
    'ftp://arsia.example.com',
    'https://',
    'http://128.0.0.1',
    'http://127.0.0.1.example.com',
    'http://127.1',
    '',
  ])('N31 N60 refuses the issuer %j', (ARSIA_ISSUER) => {
    expect(faultsOf({ ...server, ARSIA_ISSUER })).toEqual([expect.stringMatching(/^ARSIA_ISSUER .*https:\/\//)]);
  });

  test.each([
    'https://arsia.example.com',
    'https://arsia.example.com:8443',
    'https://arsia.example.com/tokens/arsia',
    'http://127.0.0.1:8080',
    'http://localhost',
    'http://[::1]:8080/path',
    'http://127.1.2.3',
  ])('accepts the issuer %s', (ARSIA_ISSUER) => {
    expect(parseConfig({ ...server, ARSIA_ISSUER }).issuer).toBe(ARSIA_ISSUER);
  });

  test('PostgreSQL needs a sealing key and a public issuer', () => {
    expect(faultsOf({ DATABASE_URL: server.DATABASE_URL })).toEqual([
      expect.stringMatching(/^ARSIA_SEALING_KEY_FILE is missing/),
      expect.stringMatching(/^ARSIA_ISSUER is missing/),
    ]);
    expect(faultsOf(production)).toEqual([]);
    expect(faultsOf({ ARSIA_MIGRATION_DATABASE_URL: server.DATABASE_URL })).toEqual([
      expect.stringMatching(/^ARSIA_MIGRATION_DATABASE_URL is set without DATABASE_URL/),
    ]);
  });

  test('unknown ARSIA_ variables are faults, except those of the client and of Kubernetes', () => {
    expect(faultsOf({ ARSIA_ISSUR: 'x', ARSIA_: 'x', arsia_issuer: 'x', PATH: 'x', DATABASE: 'x' })).toEqual([
      'ARSIA_ISSUR is not a setting of Arsia: remove it or correct its name',
      'ARSIA_ is not a setting of Arsia: remove it or correct its name',
    ]);
    const foreign = {
      ARSIA_URL: 'https://arsia.example.com',
      ARSIA_JOB_TOKEN: 'arsia_job_x',
      ARSIA_JOB_TOKEN_FILE: '/run/token',
      ARSIA_SERVICE_HOST: '10.0.0.1',
      ARSIA_SERVICE_PORT_HTTP: '80',
      ARSIA_PORT: 'tcp://10.0.0.1:80',
      ARSIA_PORT_80_TCP_ADDR: '10.0.0.1',
    };
    expect(faultsOf(foreign)).toEqual([]);
  });

  test('an empty variable is a fault unless its setting allows an empty value', () => {
    for (const name of [
      'DATABASE_URL',
      'ARSIA_SEALING_KEY_FILE',
      'ARSIA_EXTRA_CA_FILE',
      'ARSIA_TENANCY',
      'ARSIA_LISTEN',
    ])
      expect(faultsOf({ ...production, [name]: '' })).toContainEqual(expect.stringContaining(name));
  });

  test('every setting has a meaning and a valid default', () => {
    const rows = describeSettings();
    for (const { name, meaning, default: value } of rows) {
      expect(meaning.length).toBeGreaterThan(5);
      const faults = faultsOf(value === '' ? {} : { [name]: value });
      // Some variables need another one, which is not a fault of the default.
      expect(faults.filter((fault) => fault.startsWith(`${name} `) && !/ is set without /.test(fault))).toEqual([]);
    }
    expect(rows.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['ARSIA_ISSUER', 'DATABASE_URL', 'ARSIA_DATA']),
    );
  });
});

test.each([
  ['ARSIA_ISSUER', 'https://arsia:hunter2hunter2@arsia.example.com', 'https://...@arsia.example.com'],
  ['ARSIA_ISSUER', 'arsia:hunter2hunter2@arsia.example.com', '...@arsia.example.com'],
  ['ARSIA_ISSUER', 'https://arsia:hunter2/hunter2@arsia.example.com', 'https://...@arsia.example.com'],
  ['ARSIA_ISSUER', 'https://arsia.example.com#hunter2hunter2', 'https://arsia.example.com#...'],
  ['ARSIA_AWS_STS_ENDPOINTS', 'https://rgw.example.com?key=hunter2hunter2', 'https://rgw.example.com?...'],
  ['ARSIA_SIGN_IN_ISSUER', 'https://arsia:hunter2hunter2@id.example.com/', 'https://...@id.example.com/'],
])('the fault of a URL does not repeat its password, query or fragment: %s=%s', (variable, value, shown) => {
  const faults = faultsOf({ [variable]: value }).join('\n');
  expect(faults).toContain(`it is ${JSON.stringify(shown)}`);
  expect(faults).not.toContain('hunter2');
});
