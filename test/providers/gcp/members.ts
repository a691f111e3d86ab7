import * as gcp from '../../../src/providers/gcp/evaluate.ts';
import { absent, claims, iss, type Walk } from '../walk.ts';

const name = 'projects/123/locations/global/workloadIdentityPools/pool/providers/arsia';
export const provider = {
  name,
  oidc: { issuerUri: iss },
  attributeMapping: { 'google.subject': 'assertion.sub' },
  state: 'ACTIVE',
};

const ids = { identity_id: 'mi_1', workspace_id: 'ws_1', organization_id: 'grp_1' };
const pool = 'iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool';
const binding = { role: 'roles/iam.workloadIdentityUser', members: [`principal://${pool}/subject/${claims.sub}`] };

export const walk: Walk = {
  ...gcp,
  claims: { ...claims, ...ids, aud: `https://iam.googleapis.com/${name}` },
  places: {
    '': (change) => ({ ...provider, ...change }),
    'oidc.': (change) => ({ ...provider, oidc: { issuerUri: iss, ...change } }),
    'policy: ': (change) => ({ bindings: [binding], etag: 'BwY', ...change }),
    'policy: bindings[].': (change) => ({ bindings: [{ ...binding, ...change }] }),
  },
  refused: {
    name: [absent, null, 7, '', 'providers/arsia', name.replace('123', '124')],
    state: ['DELETED', 'STATE_UNSPECIFIED', 'active', '', null, 1],
    disabled: [true, 'true', 'false', null, 1],
    expireTime: ['2026-12-20T00:00:00Z', '2020-01-01T00:00:00Z', '', null, 0],
    oidc: [absent, null, {}, 'x'],
    attributeMapping: [absent, null, {}, { 'google.subject': 'assertion.nothing' }],
    attributeCondition: ["assertion.sub == 'x'", 'true == false', null, true],
    'policy: bindings': [absent, [], {}, null, [7], [{ ...binding, role: 'roles/viewer' }]],
    'policy: bindings[].role': [absent, 'roles/iam.serviceAccountUser', 'projects/x/roles/own', 7],
    'policy: bindings[].members': [absent, [], 'x', [7], [`principal://${pool}/subject/x`], ['allUsers']],
    'policy: bindings[].condition': [{ expression: 'true' }, {}, 'x'],
    'oidc.issuerUri': [absent, null, '', `${iss}/`],
    'oidc.allowedAudiences': [['x'], 'x', {}, [7], Array(11).fill('x'), ['x'.repeat(257)]],
    'oidc.jwksJson': ['', '{}', '{"keys":[]}', 'x', null, { keys: [] }, '{"keys":[{"kty":"RSA","n":"x","e":"AQAB"}]}'],
  },
};
