import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';

/**
 * Allowed imports (docs/architecture.md). The room of a file is the longest of these paths that its path starts with. A room may import
 * from itself and from the paths that it lists, with everything below them.
 */
const mayImport: Record<string, string[]> = {
  core: [],
  iampolicy: [],
  entities: ['core'],
  fairness: ['core'],
  files: [],
  outbound: ['core'],
  database: ['core', 'entities', 'fairness', 'files'],
  store: ['core', 'entities', 'database', 'fairness'],
  signing: ['core', 'fairness', 'files', 'outbound'],
  providers: ['core', 'iampolicy', 'fairness', 'outbound'],
  services: ['core', 'entities', 'fairness', 'database', 'store', 'signing', 'providers'],
  web: [],
  oidc: ['core', 'outbound', 'store', 'signing', 'services', 'web'],
  http: ['core', 'entities', 'store', 'database/page.ts', 'services', 'web', 'http'],
  'http/kernel': ['core', 'services', 'web', 'http/limits', 'http/route.ts', 'http/api/answers.ts'],
  'http/adapters': ['http/kernel'],
  sandbox: ['core', 'providers', 'server/clock.ts'],
  server: ['core'],
  'server/config': ['core', 'outbound/hostlist.ts', 'providers', 'signing/sealing'],
  'server/serving.ts': ['core', 'server'],
  'server/compose': [
    'core',
    'outbound',
    'database',
    'store',
    'signing',
    'providers',
    'services',
    'oidc',
    'http',
    'server',
  ],
  'server/commands': ['core', 'providers/registry.ts', 'signing/keysets/jwks.ts', 'server'],
  demo: ['core', 'sandbox', 'signing', 'server'],
  'main.ts': ['core', 'server', 'demo'],
};

/** The only folders that may import each third-party package. */
const homes: Record<string, string[]> = {
  kysely: ['database', 'store'],
  pg: ['database'],
  '@electric-sql/pglite': ['database'],
  'oidc-provider': ['oidc'],
  'openid-client': ['oidc/upstream'],
  koa: ['http/adapters'],
  'path-to-regexp': ['http/api'],
  'raw-body': ['http/kernel'],
  'zod-openapi': ['http/api'],
  'rate-limiter-flexible': ['http/limits'],
  'swagger-ui-dist': ['http/documents'],
  jose: ['signing', 'sandbox', 'demo'],
  '@aws-sdk/client-sts': ['providers/aws', 'demo'],
  '@azure/msal-node': ['providers/azure'],
  'google-auth-library': ['providers/gcp'],
  '@bufbuild/cel': ['providers/gcp'],
  '@bufbuild/protobuf': ['providers/gcp'],
  yaml: ['providers/yaml.ts'],
  pino: ['server/log.ts', 'server/logoutput.ts'],
  commander: ['main.ts', 'server/commands'],
  zod: ['entities', 'providers', 'http'],
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

const within = (file: string, path: string) => file === path || file.startsWith(`${path}/`);

const roomOf = (file: string) =>
  Object.keys(mayImport)
    .filter((room) => within(file, room))
    .sort((one, other) => other.length - one.length)[0] ?? file;

const ownImports = imports
  .filter(({ from }) => from.startsWith('.'))
  .map(({ file, from }) => ({ file, to: normalize(join(dirname(file), from)) }));

test('the test finds the files and imports of src', () => {
  expect(files.length).toBeGreaterThan(60);
  expect(imports.length).toBeGreaterThan(200);
});

describe('imports', () => {
  test('run one way', () => {
    const wrong = ownImports.filter(({ file, to }) => {
      const room = roomOf(file);
      return roomOf(to) !== room && !mayImport[room]?.some((allowed) => within(to, allowed));
    });
    expect(wrong).toEqual([]);
  });

  test('have no circles, not even of types', () => {
    expect(circles()).toEqual([]);
  });

  test('of files of src end in .ts', () => {
    expect(imports.filter(({ from }) => from.startsWith('.') && !from.endsWith('.ts'))).toEqual([]);
  });

  test('of a package are only in its home', () => {
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
      return !allowed.some((home) => within(file, home));
    });
    expect(homeless).toEqual([]);
  });

  test('core and iampolicy are pure', () => {
    const pure = imports.filter(({ file }) => roomOf(file) === 'core' || roomOf(file) === 'iampolicy');
    expect(pure.filter(({ from }) => !from.startsWith('./'))).toEqual([]);
  });

  test('the sandbox imports only the judgement of documents from the providers', () => {
    const imported = imports.filter(({ file, from }) => roomOf(file) === 'sandbox' && from.includes('/providers/'));
    expect(imported.filter(({ from }) => !/(?:evaluate|storedpolicy|provider)\.ts$/.test(from))).toEqual([]);
  });
});

describe('used in one place only', () => {
  const places: [string, RegExp, (file: string) => boolean][] = [
    ['the time', /\bDate\.now\(|new Date\(\)/, (file) => file === 'server/clock.ts'],
    // Jitter between two tries needs no secure randomness.
    ['randomness', /\bMath\.random\(/, (file) => file === 'database/database.ts'],
    ['the environment', /\bprocess\.env\b/, (file) => file === 'main.ts'],
    [
      'the agents of outbound calls',
      /\bnew Https?Agent\(|\bnew (?:https?\.)?Agent\(/,
      (file) => file === 'outbound/outbound.ts',
    ],
    // The other fetches are a parameter of that name, a script of a page, and clients of Arsia or of the sandbox.
    [
      "Node's fetch, which knows neither trust store nor proxy",
      /(?<![.\w])fetch\(/,
      (file) => /^(?:sandbox|demo)\/|^http\/documents\/link\.ts$|^signing\/outside\/documents\.ts$/.test(file),
    ],
    ['the exit code', /\bprocess\.exit/, (file) => file === 'main.ts'],
    ['the Content-Security-Policy', /\bdefault-src\b|\bframe-ancestors\b/, (file) => file === 'web/securityheaders.ts'],
    [
      'the path of an issuer',
      /\bissuer\)\.pathname\b/,
      (file) => file === 'core/issuerurl.ts' || file === 'oidc/server.ts',
    ],
    [
      'the errors of all answers',
      /\bproblemOf\(/,
      (file) => /^http\/kernel\/(?:problem|answerrequest)\.ts$/.test(file),
    ],
    ['the log line of all answers', /\blogRequest\(/, (file) => /^http\/kernel\/(?:log|answerrequest)\.ts$/.test(file)],
  ];
  test.each(places)('%s', (_name, pattern, isHome) => {
    expect(
      files.filter(({ file, text }) => !isHome(file) && pattern.test(withoutComments(text))).map(({ file }) => file),
    ).toEqual([]);
  });
});

/** Files that are only a list of facts, which are no easier to read when split. */
const tablesOfData: string[] = [];

test('no file has over 300 lines, except tables of data', () => {
  expect(
    files
      .filter(({ file, text }) => text.trimEnd().split('\n').length > 300 && !tablesOfData.includes(file))
      .map(({ file }) => file),
  ).toEqual([]);
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
}

/** Returns the imports that are part of a circle, as `file -> file`. */
function circles(): string[] {
  const next = Map.groupBy(ownImports, ({ file }) => file);
  const reaches = (from: string, goal: string, seen = new Set<string>()): boolean =>
    (next.get(from) ?? []).some(({ to }) => {
      if (to === goal) return true;
      if (seen.has(to)) return false;
      seen.add(to);
      return reaches(to, goal, seen);
    });
  return ownImports.filter(({ file, to }) => reaches(to, file)).map(({ file, to }) => `${file} -> ${to}`);
}
