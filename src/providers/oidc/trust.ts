import {
  checkTrustFacts,
  formatFields,
  issuerWarnings,
  scopeWarnings,
  shellWord,
  subjectPrefix,
  userClaimWarnings,
} from '../facts.ts';
import type { Trust, TrustDocument, TrustFacts } from '../provider.ts';
import type { OidcSettings } from './settings.ts';

/** Returns the trust for any relying party, Vault and OpenBao (cloud-facts.md 4). Throws `claims_refused`. */
export function trust({ audience }: OidcSettings, facts: TrustFacts): Trust {
  checkTrustFacts(facts);
  const document = {
    issuer: facts.issuer,
    audiences: [audience],
    ...(facts.is_subject_pattern ? { subject_prefix: subjectPrefix(facts) } : { subject: facts.subject }),
  };
  return {
    issuer: facts.issuer,
    subject: facts.subject,
    audience,
    documents: [
      {
        name: 'trust',
        title: 'What the relying party must compare',
        form: 'json',
        text: JSON.stringify(document, null, 2),
        paste_into: 'the trust settings of the relying party, in its own form',
      },
      buildForm(audience, facts),
      ...vault(audience, facts),
    ],
    warnings: [
      ...issuerWarnings(facts.issuer, 'A relying party elsewhere', { port: false }),
      ...scopeWarnings(facts),
      ...userClaimWarnings(facts),
      'A relying party that compares the issuer alone, or issuer and audience alone, lets every identity of this issuer in.',
    ],
  };
}

function buildForm(audience: string, facts: TrustFacts): TrustDocument {
  const fields = [
    { label: 'Issuer', value: facts.issuer },
    { label: 'Discovery', value: `${facts.issuer}/.well-known/openid-configuration` },
    { label: 'JWKS', value: `${facts.issuer}/.well-known/jwks.json` },
    { label: 'Algorithm', value: 'RS256' },
    { label: 'Audience', value: audience },
    facts.is_subject_pattern
      ? { label: 'Subject begins with', value: subjectPrefix(facts) }
      : { label: 'Subject', value: facts.subject },
  ];
  return {
    name: 'fields',
    title: 'The same as a form',
    form: 'fields',
    text: formatFields(fields),
    fields,
    paste_into: 'the trust settings of the relying party',
  };
}

function vault(audience: string, facts: TrustFacts): TrustDocument[] {
  const name = `arsia-${facts.identity_id}`;
  const role = {
    role_type: 'jwt',
    user_claim: 'sub',
    bound_audiences: [audience],
    ...(facts.is_subject_pattern
      ? { bound_claims_type: 'glob', bound_claims: { sub: facts.subject } }
      : { bound_subject: facts.subject }),
    token_policies: [name],
    token_ttl: '1h',
  };
  return [
    {
      name: 'vault-role',
      title: 'Role of Vault or OpenBao (JWT auth)',
      form: 'json',
      text: JSON.stringify(role, null, 2),
      paste_into: `role.json, for the commands below; give the policy ${name} what the identity may read`,
    },
    {
      name: 'vault-cli',
      title: 'The same with the command line of Vault (OpenBao: bao)',
      form: 'shell',
      text: [
        '# Once',
        'vault auth enable jwt',
        `vault write auth/jwt/config ${shellWord(`oidc_discovery_url=${facts.issuer}`)} ${shellWord(`bound_issuer=${facts.issuer}`)}`,
        '# The role above, saved as role.json',
        `vault write auth/jwt/role/${name} @role.json`,
      ].join('\n'),
      paste_into: 'a terminal that is signed in with `vault login`',
    },
  ];
}
