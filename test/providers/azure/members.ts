import * as azure from '../../../src/providers/azure/evaluate.ts';
import { absent, claims, iss, type Walk } from '../walk.ts';

const credential = { name: 'n', issuer: iss, subject: claims.sub, audiences: [claims.aud] };
const arm = {
  id: '/x',
  name: 'n',
  type: 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials',
};
const refusedByAzure = {
  issuer: [absent, null, '', `${iss}/`, 'x'.repeat(601)],
  subject: [absent, 7, 'MI_1:ws_1', 'x'.repeat(601)],
  audiences: [absent, [], 'aud', ['x'], ['aud', 'aud'], [null]],
  type: ['Microsoft.ManagedIdentity/userAssignedIdentities', 7, null],
  claimsMatchingExpression: [{ value: "claims['sub'] matches '*'", languageVersion: 1 }, ''],
};
const prefixed = (place: string, refused: Record<string, unknown[]>) =>
  Object.fromEntries(Object.entries(refused).map(([name, values]) => [`${place}${name}`, values]));

export const walk: Walk = {
  ...azure,
  claims,
  places: {
    '': (change) => ({ ...credential, ...change }),
    'ARM: ': (change) => ({ ...arm, properties: credential, ...change }),
    'ARM: properties.': (change) => ({ ...arm, properties: { ...credential, ...change } }),
  },
  refused: {
    ...refusedByAzure,
    ...prefixed('ARM: properties.', refusedByAzure),
    'ARM: properties': [absent, {}, null, 'x', { ...credential, subject: 'x' }],
    'ARM: type': ['Microsoft.ManagedIdentity/userAssignedIdentities', 7, null],
  },
};
