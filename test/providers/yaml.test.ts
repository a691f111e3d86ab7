import { describe, expect, test } from '@jest/globals';
import { toValue } from '../../src/iampolicy/json.ts';
import { parseYaml } from '../../src/providers/yaml.ts';

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
