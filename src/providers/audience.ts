import { mustBe, textField } from './fields.ts';

const example = 'https://vault.example.com';
const rule = '1 to 256 printable characters without spaces';

/** Message for an audience that is a cloud's own. */
export const ownAudienceFault = `${mustBe('an audience of your own', example)}: this one is a cloud's`;

/** Returns the field `audience` of kinds where the admin chooses it. Relying parties compare it byte for byte. */
export function audienceField(description: string) {
  return textField({ title: 'Audience', description, example }, /^[\x21-\x7e]{1,256}$/, rule);
}
