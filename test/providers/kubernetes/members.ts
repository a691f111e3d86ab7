import * as kubernetes from '../../../src/providers/kubernetes/evaluate.ts';
import { absent, claims, iss, type Json, type Walk } from '../walk.ts';

const rule = { claim: 'sub', requiredValue: claims.sub };
const begins = { expression: "claims.sub.startsWith('mi_1')", message: 'no' };
const username = { claim: 'sub', prefix: 'arsia:' };
const entry = { issuer: { url: iss, audiences: [claims.aud] }, claimMappings: { username } };
const configuration = (change: Json) => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'AuthenticationConfiguration',
  jwt: [{ ...entry, ...change }],
});
const mappings = (change: Json) => configuration({ claimMappings: { username, ...change } });

export const walk: Walk = {
  ...kubernetes,
  claims,
  places: {
    '': (change) => ({ ...configuration({}), ...change }),
    'jwt[].': configuration,
    'jwt[].issuer.': (change) => configuration({ issuer: { ...entry.issuer, ...change } }),
    'jwt[].claimValidationRules[].': (change) =>
      configuration({
        claimValidationRules: [
          'expression' in change || 'message' in change ? { ...begins, ...change } : { ...rule, ...change },
        ],
      }),
    'jwt[].claimMappings.': mappings,
    'jwt[].claimMappings.username.': (change) => mappings({ username: { ...username, ...change } }),
    'jwt[].claimMappings.groups.': (change) => mappings({ groups: { claim: 'groups', prefix: 'arsia:', ...change } }),
    'jwt[].claimMappings.uid.': (change) => mappings({ uid: { claim: 'uid', ...change } }),
  },
  refused: {
    apiVersion: [absent, 'v1', 'apiserver.config.k8s.io/v1alpha1', 'apiserver.config.k8s.io/v2', null],
    kind: [absent, 'Config', null],
    jwt: [absent, [], {}, [entry, entry]],
    'jwt[].issuer': [absent, {}, null, 'x'],
    'jwt[].claimValidationRules': [null, {}, [7], [{ claim: 'sub', requiredValue: 'x' }]],
    'jwt[].claimMappings': [absent, null, {}, 'x'],
    'jwt[].issuer.url': [absent, null, `${iss}/`],
    'jwt[].issuer.discoveryURL': ['https://other.example.com/.well-known/openid-configuration', iss, 7],
    'jwt[].issuer.certificateAuthority': ['x', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', 7],
    'jwt[].issuer.audiences': [absent, [], 'aud', ['x'], [7]],
    'jwt[].issuer.audienceMatchPolicy': ['MatchAll', 'matchany', 7, null],
    'jwt[].claimValidationRules[].claim': [absent, 'aud', 7],
    'jwt[].claimValidationRules[].requiredValue': [absent, 'x', 7],
    'jwt[].claimValidationRules[].expression': ["claims.sub.startsWith('x')", 'true', 7, null],
    'jwt[].claimMappings.username': [absent, {}, null, { expression: 'claims.sub' }],
    'jwt[].claimMappings.groups': [{}, null, { expression: 'claims.groups' }, { claim: 'number', prefix: '' }],
    'jwt[].claimMappings.uid': [{}, null, { expression: 'claims.uid' }, { claim: 'nothing' }],
    'jwt[].claimMappings.username.claim': [absent, 'nothing', 'number', 7],
    'jwt[].claimMappings.username.prefix': [absent, 7, null],
    'jwt[].claimMappings.username.expression': ['claims.sub', ''],
    'jwt[].claimMappings.groups.claim': [absent, 'number', 7],
    'jwt[].claimMappings.groups.prefix': [absent, 7],
    'jwt[].claimMappings.groups.expression': ['claims.groups'],
    'jwt[].claimMappings.uid.claim': [absent, 'nothing', 'groups', 7],
    'jwt[].claimMappings.uid.expression': ['claims.uid'],
  },
};
