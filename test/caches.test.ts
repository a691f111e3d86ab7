import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

/**
 * Finds tables that live as long as the server: created empty in a module or at the top of a factory, and filled by closures. A
 * table of constants is created with its entries, and one that lives as long as a call is not in a factory.
 */
const factory = /^(?:export )?(?:async )?function (?:create|count|coalesce|open|start|compose|share)\w*\b/;
const empty = String.raw`(?:Map|Set|WeakMap|WeakSet|LRU|QuickLRU)(?:<.*>)?\(\)`;
const limiter = String.raw`(?:AsyncLocalStorage|\w*RateLimiter\w*)\b`;
const table = new RegExp(
  String.raw`^(?<indent> *)(?:export )?(?:const|let) (?<name>\w+)(?:: .+)? = (?:new (?:${empty}|${limiter})|createFairCache\(|\[\];)`,
);

interface Found {
  file: string;
  name: string;
}

function tablesOf(file: string, text: string): Found[] {
  const found: Found[] = [];
  let isFactory = false;
  for (const line of text.split('\n')) {
    if (line.startsWith('}')) isFactory = false;
    if (factory.test(line)) isFactory = true;
    const { indent, name } = table.exec(line)?.groups ?? {};
    if (indent === '' || (indent === '  ' && isFactory)) found.push({ file, name: name! });
  }
  return found;
}

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !/^(?:sandbox|demo)\//.test(file))
  .map((file) => join('src', file));
const found = files.flatMap((file) => tablesOf(file, readFileSync(file, 'utf8')));
const listed: Found[] = [
  ...readFileSync('docs/caches.md', 'utf8').matchAll(/^\| `(?<name>\w+)` \| `(?<file>src\/[^`]+)` \|/gm),
].map(({ groups }) => ({ file: groups!.file!, name: groups!.name! }));
const keyOf = ({ file, name }: Found) => `${file} ${name}`;

test('N67 docs/caches.md lists exactly the tables that outlive a request', () => {
  expect(listed.map(keyOf).sort()).toEqual(found.map(keyOf).sort());
});

test('this test finds tables in modules and factories, and no table that lives as long as a call', () => {
  const text = `
const names = new Set(['a']);
const cached = new Map<string, Map<string, number>>();
export function createThing() {
  const entries = new Map<string, number>();
  let waiting: Waiter<Key, Value>[] = [];
  const cache = createFairCache({ maximumBytes });
  const fixed = new Map(rows);
  return { find() {
    const local = new Map();
  } };
}
function faultsOf() {
  const faults: string[] = [];
}
`;
  expect(tablesOf('x', text).map(({ name }) => name)).toEqual(['cached', 'entries', 'waiting', 'cache']);
});
