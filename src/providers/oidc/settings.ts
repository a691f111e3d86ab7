import { z } from 'zod';
import { audienceField } from '../audience.ts';

export const settings = z.strictObject({
  audience: audienceField('What the relying party expects as `aud`, to the byte.'),
});

export type OidcSettings = z.output<typeof settings>;
