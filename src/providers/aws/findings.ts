import type { Condition } from '../../iampolicy/conditions.ts';
import { matchesAction } from '../../iampolicy/decide.ts';
import { hasWildcard, wildcards } from '../../iampolicy/patterns.ts';
import type { Policy, Statement } from '../../iampolicy/policy.ts';
import { parseTemplate } from '../../iampolicy/variables.ts';
import type { Finding } from '../provider.ts';
import type { PastedPolicy } from './pasted.ts';
import type { TrustRequest } from './request.ts';
import { findTrustFault } from './storedpolicy.ts';

const webIdentity = 'sts:AssumeRoleWithWebIdentity';

/** A finding before its place is known as line and column. */
type Found = Omit<Finding, 'position' | 'statement'> & { offset: number; statement?: Statement };

/**
 * Returns where a trust policy lets in more than this token needs, or cannot work, with the form to use instead. Pure; the verdict does not
 * depend on it.
 */
export function findWideTrust(policy: Policy, asked: TrustRequest, pasted: Pick<PastedPolicy, 'locate'>): Finding[] {
  const found = policy.statements.flatMap((statement) =>
    findInStatement(statement, asked).map((one): Found => ({ ...one, statement })),
  );
  found.push(...findPlainVariables(policy));
  const stored = findTrustFault(policy);
  if (stored !== undefined)
    found.push({
      code: 'not_stored',
      severity: 'high',
      message: `IAM refuses to store this policy: ${stored.message}`,
      safe: `"Action": ${JSON.stringify(asked.actions)}`,
      offset: stored.offset,
    });
  return found
    .sort((one, other) => one.offset - other.offset)
    .map(({ offset, statement, ...finding }) => ({
      ...finding,
      ...(statement !== undefined && { statement: statement.sid || String(statement.index + 1) }),
      position: pasted.locate(offset),
    }));
}

/** Without Version 2012-10-17 a variable is plain text, which no value equals (cloud-facts.md 7.3). */
function findPlainVariables({ version, statements }: Policy): Found[] {
  if (version === '2012-10-17') return [];
  return statements.flatMap((statement) =>
    statement.conditions.flatMap(({ values }) =>
      values
        .filter(({ text }) => parseTemplate(text, true).parts.some((part) => typeof part !== 'string'))
        .map(({ offset }) => ({
          code: 'plain_variable',
          severity: 'low' as const,
          message: 'Without Version 2012-10-17 a policy variable is plain text.',
          safe: '"Version": "2012-10-17"',
          offset,
          statement,
        })),
    ),
  );
}

function findInStatement(statement: Statement, asked: TrustRequest): Found[] {
  const { effect, principal, action } = statement;
  const found: Found[] = [];
  if (principal?.isNegated)
    found.push({
      code: 'not_principal',
      severity: effect === 'Allow' ? 'high' : 'medium',
      message:
        effect === 'Allow'
          ? 'NotPrincipal lets in everybody whom it does not name.'
          : 'NotPrincipal denies everybody whom it does not name, and those who are added later.',
      safe: safePrincipal(asked),
      offset: principal.offset,
    });
  if (effect === 'Deny') return found;
  if (action?.isNegated)
    found.push({
      code: 'not_action',
      severity: 'medium',
      message: 'NotAction allows every action that it does not name, and those that AWS adds later.',
      safe: `"Action": ${JSON.stringify(asked.actions)}`,
      offset: action.offset,
    });
  found.push(...findOtherPrincipals(statement, asked));
  const isForIssuer =
    principal?.isNegated || principal?.values.some(({ kind, text }) => asked.principal.isNamedBy(kind, text));
  const isForTokens =
    action !== undefined && action.values.some(({ text }) => matchesAction(text, webIdentity)) !== action.isNegated;
  if (isForIssuer && isForTokens && asked.hostPath !== undefined)
    found.push(...findWideConditions(statement, asked, asked.hostPath));
  return found;
}

/** Principals other than this issuer may be meant. They are listed, so that nobody overlooks one. */
function findOtherPrincipals({ principal }: Statement, asked: TrustRequest): Found[] {
  if (principal === undefined || principal.isNegated) return [];
  return principal.values.flatMap(({ kind, text, offset }): Found[] => {
    if (asked.principal.isNamedBy(kind, text)) return [];
    const isEverybody = text === '*';
    return [
      {
        code: isEverybody ? 'any_principal' : 'other_principal',
        severity: isEverybody ? 'high' : kind === 'Service' || kind === 'CanonicalUser' ? 'low' : 'medium',
        message: isEverybody
          ? 'The statement is for every principal of AWS. A web identity is not among them.'
          : 'The statement is for a principal that is not this issuer.',
        safe: safePrincipal(asked),
        offset,
      },
    ];
  });
}

function findWideConditions(statement: Statement, asked: TrustRequest, hostPath: string): Found[] {
  const onSubject = statement.conditions.filter(({ key }) => isKey(key, `${hostPath}:sub`));
  const onAudience = statement.conditions.filter(({ key }) => isKey(key, `${hostPath}:aud`));
  const { offset } = statement;
  const found: Found[] = [...onSubject, ...onAudience].flatMap((condition) => findNeedlessLike(condition));
  const scoped = onSubject.filter(restricts);
  const missing = (code: string, claim: 'aud' | 'sub', message: string): Found => ({
    code,
    severity: claim === 'sub' ? 'high' : 'medium',
    message,
    safe: safeCondition(asked, hostPath, claim),
    offset,
  });
  if (scoped.length === 0)
    found.push(missing('no_subject', 'sub', 'Every token of this issuer is let in: no condition demands a subject.'));
  if (!onAudience.some(restricts))
    found.push(missing('no_audience', 'aud', 'No condition demands the audience: tokens for other clouds are let in.'));
  // Conditions are joined by "and": the narrowest one counts.
  const [narrowest] = scoped
    .map((condition) => ({ condition, width: widthOf(condition, asked, hostPath) }))
    .sort((one, other) => one.width - other.width);
  if (narrowest !== undefined && narrowest.width > 0) {
    found.push({
      code: 'wide_subject',
      severity: narrowest.width === 2 ? 'high' : 'medium',
      message:
        narrowest.width === 2
          ? 'The pattern of the subject reaches other identities, also those of other organisations.'
          : 'The pattern of the subject reaches every workspace of the identity.',
      safe: safeCondition(asked, hostPath, 'sub'),
      offset: narrowest.condition.offset,
    });
  }
  return found;
}

function isKey(key: string, other: string): boolean {
  return key.toLowerCase() === other.toLowerCase();
}

function isLike({ operator }: Condition): boolean {
  return operator?.name === 'StringLike';
}

/** Returns whether a condition demands some value of the key. Both keys are in every request, so that IfExists is no way around. */
function restricts({ operator }: Condition): boolean {
  return operator !== undefined && !operator.isNegated && operator.name.startsWith('String');
}

/** Returns 2 for a subject of another identity, 1 for another workspace of this one, 0 for exact values and for all users. */
function widthOf(condition: Condition, asked: TrustRequest, hostPath: string): 0 | 1 | 2 {
  if (!isLike(condition)) return 0;
  const subject = valueOfKey(asked, `${hostPath}:sub`) ?? '';
  const identity = `${subject.split(':')[0]}:`;
  const widths = condition.values.map(({ text }) => {
    const at = text.search(/[*?]/);
    if (at < 0 || isAllUsers(text)) return 0;
    return text.slice(0, at).startsWith(identity) ? 1 : 2;
  });
  return Math.max(0, ...widths) as 0 | 1 | 2;
}

/** The pattern that Arsia generates for a subject with any user. */
function isAllUsers(text: string): boolean {
  return /^[^*?]+:usr_\*$/.test(text);
}

function findNeedlessLike(condition: Condition): Found[] {
  const { values, offset, operator } = condition;
  const isPlain = values.length > 0 && values.every(({ text }) => !hasWildcard(wildcards(text)));
  if (operator?.name === 'StringLike' && isPlain)
    return [
      {
        code: 'like_without_wildcard',
        severity: 'low',
        message: 'StringLike compares with wildcards, and the value has none: a later `*` would widen it unseen.',
        safe: `"StringEquals": {${JSON.stringify(condition.key)}: ${JSON.stringify(values.length === 1 ? values[0]!.text : values.map(({ text }) => text))}}`,
        offset,
      },
    ];
  const starred = values.find(({ text }) => hasWildcard(wildcards(text)));
  if (operator?.name !== 'StringEquals' || starred === undefined) return [];
  return [
    {
      code: 'wildcard_in_equals',
      severity: 'low',
      message: 'StringEquals takes `*` and `?` as characters, which no subject or audience has.',
      safe: 'The whole value, without wildcards.',
      offset: starred.offset,
    },
  ];
}

/** Returns the only value of a key of the request. */
export function valueOfKey({ context }: TrustRequest, key: string): string | undefined {
  const fact = context.find(key.toLowerCase());
  return typeof fact === 'object' && fact.values.length === 1 ? fact.values[0] : undefined;
}

function safePrincipal({ principal }: TrustRequest): string {
  return `"Principal": {"Federated": ${JSON.stringify(principal.title)}}`;
}

function safeCondition(asked: TrustRequest, hostPath: string, claim: 'aud' | 'sub'): string {
  const key = `${hostPath}:${claim}`;
  return `"StringEquals": {${JSON.stringify(key)}: ${JSON.stringify(valueOfKey(asked, key) ?? '')}}`;
}
