import type { Condition } from '../../iampolicy/conditions.ts';
import { readPolicy } from '../../iampolicy/grammar.ts';
import type { Policy, Statement } from '../../iampolicy/policy.ts';
import { readPasted } from './pasted.ts';
import { trustPolicy } from './trustpolicy.ts';

/** Why IAM does not store a trust policy, in its own words where they are known (cases/aws-facts.md 40 to 44). */
export interface StoreFault {
  message: string;
  /** In the policy. */
  offset: number;
}

/** IAM refuses other actions, wildcards and other cases (cases/aws-facts.md 40). */
const storedActions = [
  'sts:AssumeRole',
  'sts:AssumeRoleWithSAML',
  'sts:AssumeRoleWithWebIdentity',
  'sts:TagSession',
  'sts:SetSourceIdentity',
  'sts:SetContext',
];

/** Returns why IAM refuses to store this text as a trust policy; undefined where it stores it. Throws for text that is no policy. */
export function findStoreFault(text: string): StoreFault | undefined {
  const { policy, faults } = readPolicy(readPasted(text).root, trustPolicy);
  const [fault] = faults;
  if (fault === undefined) return findTrustFault(policy);
  // The wording of the other faults was not observed.
  const prohibited = /`Statement\[\d+\]\.((?:Not)?Resource)`/.exec(fault.message)?.[1];
  return {
    message: prohibited === undefined ? 'Syntax errors in policy.' : `Has prohibited field ${prohibited}`,
    offset: fault.offset,
  };
}

/** Returns why IAM refuses a trust policy that has the form of a policy. */
export function findTrustFault({ statements }: Policy): StoreFault | undefined {
  for (const { action } of statements) {
    const wrong = action?.values.find(({ text }) => !storedActions.includes(text));
    if (wrong !== undefined)
      return { message: 'AssumeRole policy may only specify STS AssumeRole actions.', offset: wrong.offset };
  }
  return statements.map(findProviderFault).find((fault) => fault !== undefined);
}

const webIdentity = 'sts:AssumeRoleWithWebIdentity';

/** Every Allow for a provider that many share must name whom it trusts there. */
function findProviderFault({ effect, action, principal, conditions, offset }: Statement): StoreFault | undefined {
  if (effect !== 'Allow' || action?.isNegated !== false) return undefined;
  if (!action.values.some(({ text }) => text === webIdentity)) return undefined;
  for (const { kind, text } of principal?.values ?? []) {
    const message = kind === 'Federated' ? findConditionFault(text, conditions) : undefined;
    if (message !== undefined) return { message, offset };
  }
  return undefined;
}

function findConditionFault(provider: string, conditions: readonly Condition[]): string | undefined {
  const loginKeys = Object.hasOwn(loginProviders, provider) ? loginProviders[provider]! : undefined;
  if (loginKeys !== undefined)
    return conditions.some((condition) => isEquality(condition) && loginKeys.includes(condition.key))
      ? undefined
      : `Policy trusting ${provider} requires a StringEquals condition on an application id`;
  const shared = findShared(provider);
  if (shared === undefined) return undefined;
  if (conditions.length === 0 && shared.withoutConditions !== undefined) return shared.withoutConditions;
  const keys = shared.keys.map((key) => key.toLowerCase());
  const scoping = conditions.filter((condition) => isScoping(condition) && keys.includes(condition.key.toLowerCase()));
  const isScoped =
    scoping.length > 0 && scoping.every(({ values }) => !values.some(({ text }) => shared.isForAll(text)));
  return isScoped
    ? undefined
    : `Trust policy with trusted principal ${shared.title} must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, ${shared.keys.join(' or ')} which is not scoped to all.`;
}

/** Providers of IAM itself, with the keys that hold an application's id or the person; these are compared byte for byte. */
const loginProviders: Readonly<Record<string, readonly string[]>> = {
  'accounts.google.com': ['accounts.google.com:aud', 'accounts.google.com:sub'],
  'www.amazon.com': ['www.amazon.com:app_id', 'www.amazon.com:sub'],
  // Of Facebook, only refusals of other keys were observed.
  'graph.facebook.com': ['graph.facebook.com:app_id', 'graph.facebook.com:sub'],
};

const isEquality = ({ operator, ifExists }: Condition) =>
  !ifExists && (operator?.name === 'StringEquals' || operator?.name === 'StringEqualsIgnoreCase');
const isScoping = (condition: Condition) =>
  isEquality(condition) || (!condition.ifExists && condition.operator?.name === 'StringLike');

interface SharedProvider {
  title: string;
  keys: string[];
  /** Returns whether a value means every user of the provider. */
  isForAll(text: string): boolean;
  /** The message for a statement without conditions. */
  withoutConditions?: string;
}

const isStar = (text: string) => text === '*';
const cognito = 'cognito-identity.amazonaws.com';
const github = 'token.actions.githubusercontent.com';

/** Returns the rule of a provider that many organisations share; undefined for others. */
function findShared(provider: string): SharedProvider | undefined {
  if (provider === cognito)
    return {
      title: cognito,
      keys: [`${cognito}:aud`],
      isForAll: isStar,
      withoutConditions: 'A condition block must be present for the Cognito provider',
    };
  const issuer = /^arn:[^:]+:iam::\d{12}:oidc-provider\/(.+)$/.exec(provider)?.[1];
  if (issuer === undefined) return undefined;
  // Also other hosts and paths that begin so (cases/aws-facts.md 43).
  if (issuer.startsWith(github))
    return {
      title: provider,
      keys: [`${issuer}:sub`, `${issuer}:job_workflow_ref`],
      isForAll: (text) => text.trim() === '' || text.startsWith('*'),
    };
  if (issuer === 'gitlab.com' || issuer === 'app.terraform.io')
    return { title: issuer, keys: [`${issuer}:sub`], isForAll: isStar };
  return undefined;
}
