import type { Clock } from '../../core/clock.ts';
import { evaluate } from '../../providers/aws/evaluate.ts';
import { judge } from '../judge.ts';
import type { KeyCache } from '../keycache.ts';
import { type Accounts, formatProviderArn, parseRoleArn, type Role, type RoleArn } from './accounts.ts';
import { createAwsRefusal, refuseUnauthorized } from './errors.ts';
import { type IdentityToken, verifyIdentityToken } from './identitytoken.ts';
import { type AssumeRoleInput, readAssumeRoleInput } from './parameters.ts';
import { checkProviderId } from './providerid.ts';
import { checkRolesClaim, checkSessionClaims, readSourceIdentity } from './sessionclaims.ts';
import type { Sessions } from './sessions.ts';
import type { Elements } from './xml.ts';

export interface Sts {
  accounts: Accounts;
  sessions: Sessions;
  keys: KeyCache;
  clock: Clock;
}

/**
 * Handles AssumeRoleWithWebIdentity (cloud-facts.md 1.1 to 1.4). Checks the parameters, the token, its roles claim, the trust
 * policy and the maximum duration of the role, in this order. Throws Refusal.
 */
export async function assumeRoleWithWebIdentity(sts: Sts, parameters: ReadonlyMap<string, string>): Promise<Elements> {
  const input = readAssumeRoleInput(parameters);
  checkProviderId(input.provider_id);
  const arn = parseRoleArn(input.role_arn);
  if (!arn) throw createAwsRefusal('ValidationError', 'Request ARN is invalid');
  const token = await verifyIdentityToken(input.token, {
    findProvider: (issuer) => sts.accounts.findProvider(arn, issuer),
    keys: sts.keys,
    now: sts.clock.now(),
  });
  checkRolesClaim(token.claims, input.role_arn);
  checkSessionClaims(token.claims);
  const role = sts.accounts.findRole(input.role_arn);
  if (!role || !isTrusted(role, token, input)) throw refuseUnauthorized();
  if (input.duration > role.max_session_duration)
    throw createAwsRefusal(
      'ValidationError',
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    );
  return startSession(sts, arn, role, token, input);
}

/** Evaluates the trust policy, which must also allow session tags and the source identity of the token. */
function isTrusted(role: Role, token: IdentityToken, input: AssumeRoleInput): boolean {
  const request = { role_arn: input.role_arn, session_name: input.session_name };
  return judge(
    () => evaluate(role.trust_policy, token.claims, request),
    (reason) => createAwsRefusal('InternalFailure', `The sandbox cannot evaluate this trust policy: ${reason}`),
  ).allow;
}

function startSession(sts: Sts, arn: RoleArn, role: Role, token: IdentityToken, input: AssumeRoleInput): Elements {
  const session = sts.sessions.start(
    {
      arn: `arn:${arn.partition}:sts::${arn.account}:assumed-role/${role.name}/${input.session_name}`,
      user_id: `${role.id}:${input.session_name}`,
      account: arn.account,
    },
    input.duration,
  );
  return {
    SubjectFromWebIdentityToken: token.subject,
    Audience: token.audience,
    Provider: formatProviderArn(arn, token.issuer),
    PackedPolicySize: String(packedSize(token.subject)),
    SourceIdentity: readSourceIdentity(token.claims),
    AssumedRoleUser: { Arn: session.arn, AssumedRoleId: session.user_id },
    Credentials: {
      AccessKeyId: session.access_key_id,
      SecretAccessKey: session.secret_access_key,
      SessionToken: session.session_token,
      Expiration: new Date(session.expires_at).toISOString().replace('.000Z', 'Z'),
    },
  };
}

/**
 * Returns the percentage of the packed policy that a session without policies and tags uses. Observed are 24 for an empty subject, 25 for a
 * short one and up to 34 (cases/aws-facts.md 13); the rule is not published.
 */
function packedSize(subject: string): number {
  return 24 + Math.min(10, Math.ceil(subject.length / 30));
}
