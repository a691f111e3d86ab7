import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BicepReference, type BicepValue, formatBicep, quoteBicep } from '../../src/providers/bicep.ts';

/** Reads the parts of Bicep that the writer may use, by the language specification. Throws for everything else. */
class Reader {
  private rest: string;
  constructor(text: string) {
    this.rest = text;
  }

  take(pattern: RegExp): string {
    const [found] = new RegExp(`^(?:${pattern.source})`, pattern.flags).exec(this.rest) ?? [];
    if (found === undefined) throw new Error(`expected ${pattern} at ${JSON.stringify(this.rest.slice(0, 40))}`);
    this.rest = this.rest.slice(found.length);
    return found;
  }

  has(pattern: RegExp): boolean {
    return new RegExp(`^(?:${pattern.source})`).test(this.rest);
  }

  /** A literal ends at the first quote without a backslash, has no line break, and `${` begins an expression. */
  text(): string {
    const literal = this.take(/'(?:[^'\\\n\r$]|\$(?!\{)|\\(?:[\\'nrt$]|u\{[0-9a-f]{1,6}\}))*'/u);
    const names: Record<string, string> = { n: '\n', r: '\r', t: '\t' };
    return literal
      .slice(1, -1)
      .replace(/\\(?:u\{([0-9a-f]+)\}|(.))/gu, (_all, code?: string, one?: string) =>
        code === undefined ? (names[one!] ?? one!) : String.fromCodePoint(Number.parseInt(code, 16)),
      );
  }

  value(): unknown {
    if (this.has(/'/)) return this.text();
    if (this.has(/-?\d/)) return Number(this.take(/-?\d+/));
    if (this.has(/\[/)) {
      const items: unknown[] = [];
      for (this.take(/\[\n?/); !this.has(/ *\]/); this.take(/\n/)) {
        this.take(/ */);
        items.push(this.value());
      }
      this.take(/ *\]/);
      return items;
    }
    if (this.has(/\{/)) {
      const members: [string, unknown][] = [];
      for (this.take(/\{\n?/); !this.has(/ *\}/); this.take(/\n/)) {
        this.take(/ */);
        const name = this.has(/'/) ? this.text() : this.take(/[A-Za-z_]\w*/);
        this.take(/: /);
        members.push([name, this.value()]);
      }
      this.take(/ *\}/);
      return Object.fromEntries(members);
    }
    const word = this.take(/[A-Za-z_]\w*/);
    return word === 'true' ? true : word === 'false' ? false : { reference: word };
  }

  end(): void {
    this.take(/$/);
  }
}

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom(...'$%{}"\'\\\n\r\t #/<>~abx', '\u2028', '\u202e', '\u0000', '😀', 'é'),
    maxLength: 12,
  }),
);
const name = fc.oneof(text, fc.constantFrom('for', 'null', 'true', 'a', 'a-b', '1', '__proto__', ''));
const { value } = fc.letrec<{ value: BicepValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    fc.boolean(),
    fc.integer(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 4 }),
  ),
}));

describe('a Bicep file', () => {
  test('has every text and every value by the rules of the language', () => {
    fc.assert(
      fc.property(value, (one) => {
        const reader = new Reader(
          formatBicep([{ symbol: 'x', type: 'A/b@1', body: { one } }]).slice("resource x 'A/b@1' = ".length),
        );
        expect(reader.value()).toEqual({ one });
        reader.end();
      }),
      { numRuns: 3000 },
    );
  });

  test('has resources with comments, references and resources that exist', () => {
    expect(
      formatBicep([
        {
          symbol: 'my-id',
          type: 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31',
          existing: true,
          body: { name: "it's" },
        },
        {
          comment: 'one\ntwo',
          symbol: 'credential',
          type: 'X/y@1',
          body: {
            parent: new BicepReference('my-id'),
            properties: { audiences: ['a'], none: [], empty: {}, 'x-y': 1 },
          },
        },
      ]),
    ).toBe(
      [
        "resource my_id 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {",
        String.raw`  name: 'it\'s'`,
        '}',
        '',
        '// one',
        '// two',
        "resource credential 'X/y@1' = {",
        '  parent: my_id',
        '  properties: {',
        '    audiences: [',
        "      'a'",
        '    ]',
        '    none: []',
        '    empty: {}',
        "    'x-y': 1",
        '  }',
        '}',
      ].join('\n'),
    );
  });

  test('shows characters that nobody sees as escapes, and no text begins an expression', () => {
    expect(quoteBicep('a\u202e\u{e0041}\u0000')).toBe(String.raw`'a\u{202e}\u{e0041}\u{0}'`);
    expect(quoteBicep('$'.concat('{x} $ $$', '{y}'))).toBe(String.raw`'\${x} $ $\${y}'`);
    expect(quoteBicep('\ud800')).toBe("'\ufffd'");
  });
});
