import { z } from 'zod';
import type { parseClientKeys } from '../core/clientkeys.ts';

/** A stored JWK Set, in answers. */
export const publicKeySet = z.strictObject({
  keys: z.array(z.record(z.string(), z.unknown())).meta({
    description: 'Public keys, as JWK (RFC 7517).',
    examples: [[{ kty: 'EC', crv: 'P-256', kid: '1', alg: 'ES256', x: '...', y: '...' }]],
  }),
});

/** Returns the schema of a JWK Set in requests, with the faults that `parse` finds. */
export function publicKeys(parse: typeof parseClientKeys) {
  return z.unknown().transform((value, context) => {
    const { keys, faults } = parse(value);
    for (const { pointer, detail } of faults)
      context.addIssue({ code: 'custom', message: detail, path: pointer.split('/').slice(1) });
    return { keys: keys.map((key) => ({ ...key })) };
  });
}
