import {
  checkTrustFacts,
  issuerWarnings,
  scopeWarnings,
  shellCommand,
  subjectPrefix,
  userClaimWarnings,
} from '../facts.ts';
import type { Trust, TrustFacts } from '../provider.ts';
import type { KubernetesSettings } from './settings.ts';

/** User names must not collide with those of other authenticators, so the API server requires a prefix (cloud-facts.md 4). */
const userPrefix = 'arsia:';

/** Returns the authentication configuration of the API server, and a role binding with the resulting user. */
export function trust({ audience, cluster }: KubernetesSettings, facts: TrustFacts): Trust {
  checkTrustFacts(facts);
  const configuration = {
    apiVersion: 'apiserver.config.k8s.io/v1beta1',
    kind: 'AuthenticationConfiguration',
    jwt: [
      {
        issuer: { url: facts.issuer, audiences: [audience], audienceMatchPolicy: 'MatchAny' },
        claimValidationRules: rulesOf(facts),
        claimMappings: { username: { claim: 'sub', prefix: userPrefix } },
      },
    ],
  };
  return {
    issuer: facts.issuer,
    subject: facts.subject,
    audience,
    documents: [
      {
        name: 'authentication-configuration',
        title: 'Authentication configuration of the API server',
        form: 'json',
        text: JSON.stringify(configuration, null, 2),
        paste_into: `the file of --authentication-config at the API server${cluster === undefined ? '' : ` of ${cluster}`}`,
      },
      ...(facts.is_subject_pattern ? [] : [roleBinding(facts)]),
    ],
    warnings: [
      ...issuerWarnings(facts.issuer, 'Kubernetes', { port: false }).filter((one) =>
        one.includes('https issuers only'),
      ),
      ...scopeWarnings(facts),
      ...userClaimWarnings(facts),
      'An API server accepts an issuer only once: several identities share one entry, and role bindings must then distinguish them.',
    ],
  };
}

function rulesOf(facts: TrustFacts): object[] {
  if (!facts.is_subject_pattern) return [{ claim: 'sub', requiredValue: facts.subject }];
  const prefix = subjectPrefix(facts);
  return [{ expression: `claims.sub.startsWith('${prefix}')`, message: `sub must begin with ${prefix}` }];
}

function roleBinding(facts: TrustFacts) {
  return {
    name: 'role-binding',
    title: 'What the identity may do: a cluster role of your choice',
    form: 'shell' as const,
    text: shellCommand(`kubectl create clusterrolebinding ${facts.identity_id.replace('_', '-')} --clusterrole view`, [
      ['--user', `${userPrefix}${facts.subject}`],
    ]),
    paste_into: 'a terminal with rights on the cluster',
  };
}
