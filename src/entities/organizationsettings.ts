import { z } from 'zod';
import { id, nullable, oneOf, texts, version } from './columns.ts';
import { entity } from './entity.ts';

const issuerUrl = z
  .string()
  .max(512)
  .startsWith('https://', 'must be an https URL, such as https://token.actions.githubusercontent.com');

export const organizationSettings = entity({
  table: 'organization_settings',
  schema: 'OrganizationSettings',
  fields: {
    organization_id: {
      column: id('group'),
      answer: id('group').answer.nullable(),
      meaning: 'Null for operators of the installation: what a new organisation begins with.',
    },
    identities_without_rules: {
      column: oneOf(['open', 'closed']),
      hasDefault: true,
      meaning: 'May jobs use a managed identity that has no access rules: `open` (yes) or `closed` (no).',
      change: z.enum(['open', 'closed'], 'must be open or closed').optional(),
    },
    allowed_issuers: {
      column: nullable(texts),
      example: ['https://token.actions.githubusercontent.com'],
      meaning: 'Outside issuers that service accounts may trust; null: any.',
      change: z.array(issuerUrl).max(100).nullable().optional(),
    },
    version: { column: version, hasDefault: true },
  },
});
