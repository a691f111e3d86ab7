import { z } from 'zod';
import { choiceField, mustBe, textField } from '../fields.ts';
import { cloudNames, clouds } from './clouds.ts';

const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Client credentials are for one resource, and only with its `.default` scope (cloud-facts.md 2.2). */
export const scopePattern = /^(?=[\x21-\x7e]{10,256}$).+\/\.default$/;
export const scopeExample = 'https://management.azure.com/.default';
export const scopeRule = 'one resource followed by /.default';

export const settings = z
  .strictObject({
    tenant_id: textField(
      {
        title: 'Directory (tenant) ID',
        description: 'The tenant of the application or of the user-assigned managed identity.',
        example: '72f988bf-86f1-41af-91ab-2d7cd011db47',
      },
      uuidPattern,
      'a UUID',
    ),
    client_id: textField(
      {
        title: 'Application (client) ID',
        description: 'The client id of the application or of the user-assigned managed identity that trusts the token.',
        example: '11111111-2222-4333-8444-555555555555',
      },
      uuidPattern,
      'a UUID',
    ),
    scope: textField(
      {
        title: 'Scope',
        description: 'The resource that access tokens are for. Left out: Azure Resource Manager of the cloud.',
        example: scopeExample,
      },
      scopePattern,
      scopeRule,
    ).optional(),
    cloud: choiceField(
      {
        title: 'Cloud',
        description: 'The Azure cloud of the tenant; it decides the audience of the token.',
        example: 'public',
      },
      cloudNames,
    ).default('public'),
  })
  .refine(({ scope, cloud }) => scope !== undefined || clouds[cloud].scope !== undefined, {
    path: ['scope'],
    error: `${mustBe(scopeRule, scopeExample)}: this cloud has none that Arsia knows`,
  });

export type AzureSettings = z.output<typeof settings>;
