import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatHcl, HclJson, type HclValue, quoteHcl } from '../../src/providers/hcl.ts';
import { parseHcl, parseJsonencode } from './hcl.ts';

/** HCL normalises texts; everything else of a text survives. */
const text = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({
      unit: fc.constantFrom(...'$%{}"\'\\\n\r\t #/<>~abx', '\u2028', '\u202e', '\u0000', '😀', 'é'),
      maxLength: 12,
    }),
  )
  .map((one) => one.normalize('NFC'));
const name = fc.oneof(text, fc.constantFrom('for', 'null', 'true', 'in', 'if', 'a', 'a-b', '1', '__proto__', ''));
const { value } = fc.letrec<{ value: HclValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    fc.boolean(),
    fc.integer(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 4 }),
  ),
}));

describe('a Terraform configuration', () => {
  test('has every text as HashiCorp reads it: quotes, templates, line breaks, any character', () => {
    const texts = fc.sample(text, 3000);
    const [parsed] = parseHcl([formatHcl([{ type: 'x', attributes: { texts } }])]);
    expect((parsed!.x as { texts: string[] }[])[0]!.texts).toEqual(texts);
  });

  test('has every value, as an attribute and within jsonencode', () => {
    const values = fc.sample(value, 400);
    const parsed = parseHcl(
      values.map((one) =>
        formatHcl([{ type: 'resource', labels: ['a', 'b'], attributes: { plain: one, json: new HclJson(one) } }]),
      ),
    );
    const bodies = parsed.map(
      ({ resource }) => (resource as { a: { b: { plain: unknown; json: unknown }[] } }).a.b[0]!,
    );
    expect(bodies.map(({ plain }) => plain)).toEqual(values);
    expect(parseJsonencode(bodies.map(({ json }) => json))).toEqual(values);
  });

  test('has comments, names and inner blocks, in the form of terraform fmt', () => {
    const made = formatHcl([
      {
        comment: 'one\ntwo = "%{x}"\r\nthree',
        type: 'resource',
        labels: ['aws_iam_role', '9.a"b'],
        attributes: {
          name: 'x',
          max_session_duration: 7200,
          list: ['a'.repeat(60), 'b'.repeat(60)],
          tags: { a: '1', 'x:y': '2', none: {} },
          last: true,
        },
        blocks: [{ type: 'oidc', attributes: { issuer_uri: 'https://a.example' } }],
      },
      { type: 'empty', attributes: {} },
    ]);
    expect(made).toBe(
      [
        '# one',
        '# two = "%{x}"',
        '# three',
        'resource "aws_iam_role" "_9_a_b" {',
        '  name                 = "x"',
        '  max_session_duration = 7200',
        '  list = [',
        `    "${'a'.repeat(60)}",`,
        `    "${'b'.repeat(60)}",`,
        '  ]',
        '  tags = {',
        '    a     = "1"',
        '    "x:y" = "2"',
        '    none  = {}',
        '  }',
        '  last = true',
        '',
        '  oidc {',
        '    issuer_uri = "https://a.example"',
        '  }',
        '}',
        '',
        'empty {',
        '}',
      ].join('\n'),
    );
    expect(parseHcl([made])[0]).toMatchObject({
      resource: { aws_iam_role: { _9_a_b: [{ last: true }] } },
      empty: [{}],
    });
  });

  test('shows characters that nobody sees as escapes', () => {
    expect(quoteHcl('a\u202eb\u200b\u{e0041}\u0000')).toBe(String.raw`"a\u202eb\u200b\U000e0041\u0000"`);
    expect(quoteHcl('\ud800')).toBe('"\ufffd"');
  });
});
