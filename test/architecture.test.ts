import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';

/**
 * Who may import whom, by the first folder below src/ (docs/architecture.md). A file in src/ itself is a room of its own.
 */
const mayImport: Record<string, string[]> = {
  core: [],
  'clock.ts': ['core'],
  'fairplaces.ts': ['core'],
  'log.ts': ['logoutput.ts'],
  'logoutput.ts': [],
  'config.ts': ['core', 'providers', 'settingvalues.ts'],
  'settingvalues.ts': ['core', 'providers'],
  'faircache.ts': [],
  'privatefolders.ts': [],
  store: ['core', 'clock.ts', 'faircache.ts', 'fairplaces.ts', 'privatefolders.ts'],
  signing: ['core', 'clock.ts', 'faircache.ts', 'privatefolders.ts'],
  providers: ['core', 'clock.ts', 'fairplaces.ts'],
  services: ['core', 'clock.ts', 'fairplaces.ts', 'store', 'signing', 'providers'],
  oidc: ['core', 'clock.ts', 'store', 'signing', 'services'],
  http: ['core', 'store', 'services'],
  sandbox: ['core', 'clock.ts', 'providers'],
  cli: ['core'],
  'timers.ts': ['core'],
  'clockwatch.ts': ['core', 'clock.ts'],
  'serving.ts': ['core', 'log.ts', 'config.ts', 'timers.ts'],
  'settingsfiles.ts': ['config.ts', 'signing'],
  'poolpriority.ts': [],
  'stored.ts': [
    'core',
    'clock.ts',
    'clockwatch.ts',
    'log.ts',
    'config.ts',
    'timers.ts',
    'settingsfiles.ts',
    'store',
    'signing',
    'services',
  ],
  'compose.ts': [
    'core',
    'clock.ts',
    'config.ts',
    'timers.ts',
    'settingsfiles.ts',
    'serving.ts',
    'stored.ts',
    'store',
    'signing',
    'providers',
    'services',
    'oidc',
    'http',
  ],
  'admin.ts': ['core', 'signing', 'compose.ts'],
  'quotacommand.ts': ['core', 'admin.ts'],
  'audiencecommands.ts': ['compose.ts', 'admin.ts'],
  'auditcommands.ts': ['core', 'compose.ts', 'admin.ts'],
  'operatorcommands.ts': ['core', 'admin.ts', 'quotacommand.ts'],
  demo: ['core', 'clock.ts', 'log.ts', 'config.ts', 'compose.ts', 'sandbox', 'signing'],
  'main.ts': [
    'core',
    'clock.ts',
    'log.ts',
    'config.ts',
    'settingsfiles.ts',
    'poolpriority.ts',
    'compose.ts',
    'admin.ts',
    'audiencecommands.ts',
    'auditcommands.ts',
    'operatorcommands.ts',
    'demo',
  ],
};

/** The home of each package that shapes the product. The sandbox and the demo are strangers to the rest and bring their own. */
const homes: Record<string, string[]> = {
  kysely: ['store'],
  pg: ['store'],
  '@electric-sql/pglite': ['store'],
  'oidc-provider': ['oidc'],
  'openid-client': ['oidc/upstream'],
  koa: ['http'],
  '@koa/router': ['http'],
  'raw-body': ['http'],
  'zod-openapi': ['http/api'],
  'rate-limiter-flexible': ['http'],
  'swagger-ui-dist': ['http'],
  jose: ['signing', 'sandbox', 'demo'],
  '@aws-sdk/client-sts': ['providers/aws', 'demo'],
  '@azure/msal-node': ['providers/azure'],
  'google-auth-library': ['providers/gcp'],
  '@bufbuild/cel': ['providers/gcp'],
  '@bufbuild/protobuf': ['providers/gcp'],
  pino: ['log.ts', 'logoutput.ts'],
  commander: [
    'main.ts',
    'admin.ts',
    'audiencecommands.ts',
    'auditcommands.ts',
    'operatorcommands.ts',
    'quotacommand.ts',
    'cli',
  ],
  zod: ['settingvalues.ts', 'providers', 'http'],
};

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file, text: readFileSync(join('src', file), 'utf8') }));

const imports = files.flatMap(({ file, text }) =>
  [
    ...text.matchAll(
      /(?:^|[;\s])(?:import|export)\s[^'"`;]*?from\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|^import\s+'([^']+)'/gm,
    ),
  ].map((match) => ({ file, from: (match[1] ?? match[2] ?? match[3])! })),
);

const roomOf = (file: string) => file.split('/')[0]!;

test('the walk sees the house', () => {
  expect(files.length).toBeGreaterThan(60);
  expect(imports.length).toBeGreaterThan(200);
});

describe('imports', () => {
  test('run one way', () => {
    const wrong = imports
      .filter(({ from }) => from.startsWith('.'))
      .map(({ file, from }) => ({ file, to: normalize(join(dirname(file), from)) }))
      .filter(({ file, to }) => roomOf(to) !== roomOf(file) && !mayImport[roomOf(file)]?.includes(roomOf(to)));
    expect(wrong).toEqual([]);
  });

  test('of own files end in .ts', () => {
    expect(imports.filter(({ from }) => from.startsWith('.') && !from.endsWith('.ts'))).toEqual([]);
  });

  test('of a package stand in its home alone', () => {
    const packageOf = (from: string) =>
      from
        .split('/')
        .slice(0, from.startsWith('@') ? 2 : 1)
        .join('/');
    const foreign = imports.filter(
      ({ from }) => !from.startsWith('.') && !from.startsWith('node:') && !builtinModules.includes(from),
    );
    const homeless = foreign.filter(({ file, from }) => {
      const allowed = homes[packageOf(from)] ?? [];
      return !allowed.some((home) => file === home || file.startsWith(`${home}/`));
    });
    expect(homeless).toEqual([]);
  });

  test('core is pure', () => {
    expect(imports.filter(({ file, from }) => roomOf(file) === 'core' && !from.startsWith('./'))).toEqual([]);
  });

  test('the sandbox takes of the providers nothing but their judgement', () => {
    const taken = imports.filter(({ file, from }) => roomOf(file) === 'sandbox' && from.includes('/providers/'));
    expect(taken.filter(({ from }) => !/(?:evaluate|provider)\.ts$/.test(from))).toEqual([]);
  });
});

describe('one place each', () => {
  const places: [string, RegExp, (file: string) => boolean][] = [
    ['the time', /\bDate\.now\(|new Date\(\)/, (file) => file === 'clock.ts'],
    // Jitter between two tries is no secret.
    ['randomness', /\bMath\.random\(/, (file) => file === 'store/database.ts'],
    ['the environment', /\bprocess\.env\b/, (file) => file === 'main.ts'],
    ['the exit code', /\bprocess\.exit/, (file) => file === 'main.ts'],
  ];
  test.each(places)('%s', (_name, pattern, isHome) => {
    expect(
      files.filter(({ file, text }) => !isHome(file) && pattern.test(withoutComments(text))).map(({ file }) => file),
    ).toEqual([]);
  });
});

test('rooms are small: no file over 350 lines', () => {
  expect(files.filter(({ text }) => text.split('\n').length > 350).map(({ file }) => file)).toEqual([]);
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
}
