import type { Clock } from '../../core/clock.ts';
import { evaluate } from '../../providers/aws/evaluate.ts';
import { judge } from '../judge.ts';
import type { KeyCache } from '../keycache.ts';
import { type Accounts, parseRoleArn, type Role, type RoleArn } from './accounts.ts';
import { awsRefusal, notAuthorized } from './errors.ts';
import { type IdentityToken, verifyIdentityToken } from './identitytoken.ts';
import { type AssumeRoleInput, readAssumeRoleInput } from './parameters.ts';
import { checkRolesClaim, checkSessionClaims, sourceIdentityOf } from './sessionclaims.ts';
import type { Sessions } from './sessions.ts';
import type { Elements } from './xml.ts';

export interface Sts {
  accounts: Accounts;
  sessions: Sessions;
  keys: KeyCache;
  clock: Clock;
}

/**
 * AssumeRoleWithWebIdentity (cloud-facts.md 1.1 to 1.4): parameters, then the token, then its roles claim, then the trust
 * policy, then the duration that the role allows.
 */
export async function assumeRoleWithWebIdentity(sts: Sts, parameters: ReadonlyMap<string, string>): Promise<Elements> {
  const input = readAssumeRoleInput(parameters);
  const arn = parseRoleArn(input.role_arn);
  if (!arn) throw awsRefusal('ValidationError', 'Request ARN is invalid');
  const token = await verifyIdentityToken(input.token, {
    findProvider: (issuer) => sts.accounts.findProvider(arn, issuer),
    keys: sts.keys,
    now: sts.clock.now(),
  });
  checkRolesClaim(token.claims, input.role_arn);
  checkSessionClaims(token.claims);
  const role = sts.accounts.findRole(input.role_arn);
  if (!role || !isTrusted(role, token, input)) throw notAuthorized();
  if (input.duration > role.max_session_duration)
    throw awsRefusal(
      'ValidationError',
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    );
  return startSession(sts, arn, role, token, input);
}

/** The pasted trust policy judges; what it needs for tags and source identity is part of the judgement. */
function isTrusted(role: Role, token: IdentityToken, input: AssumeRoleInput): boolean {
  const request = { role_arn: input.role_arn, session_name: input.session_name };
  return judge(
    () => evaluate(role.trust_policy, token.claims, request),
    (reason) => awsRefusal('InternalFailure', `The sandbox cannot judge this trust policy: ${reason}`),
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
    Provider: token.issuer,
    SourceIdentity: sourceIdentityOf(token.claims),
    AssumedRoleUser: { Arn: session.arn, AssumedRoleId: session.user_id },
    Credentials: {
      AccessKeyId: session.access_key_id,
      SecretAccessKey: session.secret_access_key,
      SessionToken: session.session_token,
      Expiration: new Date(session.expires_at).toISOString().replace('.000Z', 'Z'),
    },
  };
}
