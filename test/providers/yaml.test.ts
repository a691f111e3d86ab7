import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import { yamlParse } from 'yaml-cfn';
import { toValue } from '../../src/iampolicy/json.ts';
import { formatYaml, parseYaml } from '../../src/providers/yaml.ts';

describe('a YAML document', () => {
  test.each([
    ['a block', 'a: 1\nb: [x, null]\n', { a: 1, b: ['x', null] }],
    ['a member that is named like a prototype', '__proto__: {a: 1}', JSON.parse('{"__proto__":{"a":1}}')],
    ['the same member in two objects', '- a: 1\n- a: 2\n', [{ a: 1 }, { a: 2 }]],
  ])('has the value of %s', (_name, text, value) => {
    const parsed = parseYaml(text);
    expect('node' in parsed && toValue(parsed.node)).toEqual(value);
  });

  test.each([
    ['a member that occurs twice', 'a: 1\nb: 2\na: 3\n', /twice/],
    ['a member that occurs twice deep inside', 'a:\n  - {b: 1, c: 2, b: 1}\n', /twice/],
    ['a number and a text that name the same member', '1: a\n"1": b\n', /twice/],
    ['an object as a name', '? {a: 1}\n: 2\n', /not a text/],
    ['an alias', 'a: &x 1\nb: *x\n', /./],
    ['a plain yes', 'a: yes\n', /quote it/],
    ['a second document', 'a: 1\n---\na: 2\n', /one document/],
  ])('is refused with %s', (_name, text, fault) => {
    expect(parseYaml(text)).toEqual({ fault: expect.stringMatching(fault) });
  });
});

describe('a value written as YAML', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.string({
      unit: fc.constantFrom(...'$%{}"\'\\\n\r\t #/<>~!&*|-:,[]?@`ab', '\u0085', '\u2028', '😀', 'é'),
      maxLength: 10,
    }),
    // Dates, octal numbers, numbers of base 60, booleans and merge keys of YAML 1.1.
    fc.constantFrom(
      '2012-10-17',
      '0123',
      '1_000',
      '12:30:45',
      'yes',
      'No',
      'on',
      'y',
      'null',
      '~',
      '<<',
      '=',
      '',
      '0x1F',
      '.inf',
      '1e3',
    ),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      text,
      fc.boolean(),
      fc.integer(),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(text, tie('value'), { maxKeys: 4 }),
    ),
  }));

  test('is the same value to CloudFormation, to YAML 1.1, to YAML 1.2 and to Arsia', () => {
    fc.assert(
      fc.property(value, (one) => {
        const written = formatYaml({ one });
        expect(yamlParse(written)).toEqual({ one });
        expect(parse(written, { version: '1.1' })).toEqual({ one });
        expect(parse(written, { version: '1.2' })).toEqual({ one });
        const parsed = parseYaml(written);
        expect('node' in parsed && toValue(parsed.node)).toEqual({ one });
      }),
      { numRuns: 3000 },
    );
  });

  test('is in block form, with the version of a policy as a text', () => {
    expect(formatYaml({ Version: '2012-10-17', Statement: [{ Effect: 'Allow' }], text: 'a\nb' })).toBe(
      'Version: "2012-10-17"\nStatement:\n  - Effect: Allow\ntext: "a\\nb"',
    );
  });
});
