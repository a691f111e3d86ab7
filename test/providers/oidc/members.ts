import * as oidc from '../../../src/providers/oidc/evaluate.ts';
import { absent, claims, iss, type Walk } from '../walk.ts';

const role = { role_type: 'jwt', user_claim: 'sub', bound_audiences: [claims.aud], bound_subject: claims.sub };
const refusedByVault = {
  role_type: [absent, 'oidc', 7, null],
  user_claim: [absent, '', 'nothing', 'number', 7, null],
  bound_audiences: [absent, [], ['x'], [7], null],
  bound_subject: ['x', 7],
  bound_claims_type: ['regexp', 7],
  bound_claims: [{ sub: 'x' }, { nothing: 'x' }, { sub: ['x', 'y'] }, { '/sub': claims.sub }, 'x', []],
  user_claim_json_pointer: [true],
  groups_claim: ['groups'],
  claim_mappings: [{ sub: 'x' }],
  token_bound_cidrs: [['10.0.0.0/8'], '10.0.0.0/8'],
  bound_cidrs: [['10.0.0.0/8']],
  token_policies_template_claims: [true],
};

export const walk: Walk = {
  ...oidc,
  claims,
  places: {
    '': (change) => ({
      issuer: iss,
      audiences: [claims.aud],
      ...('subject_prefix' in change ? {} : { subject: claims.sub }),
      ...change,
    }),
    'Vault: ': (change) => ({ ...role, ...change }),
  },
  refused: {
    ...Object.fromEntries(Object.entries(refusedByVault).map(([name, values]) => [`Vault: ${name}`, values])),
    issuer: [absent, null, `${iss}/`],
    audiences: [absent, [], 'aud', ['x'], [7]],
    subject: [absent, null, 7, 'x'],
    subject_prefix: ['', 'x', null, 7],
  },
};
