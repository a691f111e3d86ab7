import { ArsiaError } from '../../core/errors.ts';
import { checkTrustFacts, deliveryWarnings, issuerWarnings, namingWarnings } from '../facts.ts';
import type { MergedTrust, TrustDocument, TrustMember } from '../provider.ts';
import { buildTrustPolicy, maximumPolicyLength, measurePolicy, trustedSubject } from './buildtrustpolicy.ts';
import { commandDocument, roleCommands } from './commandline.ts';
import { policyDocument, roleDocuments } from './documents.ts';
import { isAwsRole, isMinioRole, parseRoleArn, type RoleArn, serviceOf } from './names.ts';
import type { AwsSettings } from './settings.ts';
import { roleWarnings, sourceIdentityWarnings } from './trust.ts';

type Member = TrustMember<AwsSettings>;

/** The identities that one role trusts. */
interface Part {
  role: RoleArn;
  /** The end of the names of its documents. */
  suffix: string;
  members: Member[];
}

/**
 * Returns one trust policy for several identities, workspaces or users of one role. Where it would be longer than AWS stores,
 * returns several, for as many roles, and says which identity needs which. Throws `invalid_request` where the members have
 * different roles, and `not_supported` where the service has no trust policies.
 */
export function mergeTrust(members: readonly Member[]): MergedTrust {
  for (const { facts } of members) checkTrustFacts(facts);
  const role = findSharedRole(members);
  const longest = Math.max(...members.map(({ settings }) => settings.max_duration));
  const settings = { ...members[0]!.settings, max_duration: longest };
  const parts = splitMembers(members, role);
  return {
    documents: parts.flatMap((part) => listDocuments(settings, part)),
    warnings: [
      ...splitWarnings(members, parts),
      ...new Set(members.flatMap((member) => memberWarnings(member, role))),
      ...roleWarnings(settings, role),
    ],
  };
}

function findSharedRole(members: readonly Member[]): RoleArn {
  const arns = [...new Set(members.map(({ settings }) => settings.role_arn))];
  const role = parseRoleArn(arns[0] ?? '');
  if (arns.length !== 1 || role === undefined)
    throw new ArsiaError(
      'invalid_request',
      `A trust policy belongs to one role, and these identities have ${arns.length}: ${arns.join(', ')}.`,
      { advice: 'Name identities with the same role_arn.' },
    );
  if (isMinioRole(role))
    throw new ArsiaError('not_supported', `${serviceOf(role)} has no trust policies that could be merged.`, {
      advice: 'Its OpenID provider accepts every identity with its audience: use the trust of any of them.',
    });
  return role;
}

/**
 * Puts each identity into the first role that has room for all its subjects, since an identity has one role. One more identity
 * at the end moves none of the others.
 */
function splitMembers(members: readonly Member[], role: RoleArn): Part[] {
  if (!isAwsRole(role)) return [{ role, suffix: '', members: [...members] }];
  const parts: Part[] = [];
  for (const identity of Map.groupBy(members, ({ facts }) => facts.identity_id).values()) {
    const part = parts.find((one) => measureMembers([...one.members, ...identity]) <= maximumPolicyLength);
    if (part !== undefined) part.members.push(...identity);
    else parts.push({ ...nameRole(role, parts.length), members: [...identity] });
  }
  return parts;
}

const maximumRoleName = 64;

function nameRole(role: RoleArn, index: number): Pick<Part, 'role' | 'suffix'> {
  if (index === 0) return { role, suffix: '' };
  const suffix = `-${index + 1}`;
  const name = `${role.name.slice(0, maximumRoleName - suffix.length)}${suffix}`;
  return { role: { ...role, name, arn: `${role.arn.slice(0, -role.name.length)}${name}` }, suffix };
}

function policyOf(members: readonly Member[]) {
  return buildTrustPolicy(members.map(({ settings, facts }) => trustedSubject(settings, facts)));
}

function measureMembers(members: readonly Member[]): number {
  return measurePolicy(policyOf(members));
}

function listDocuments(settings: AwsSettings, { role, suffix, members }: Part): TrustDocument[] {
  const policy = policyOf(members);
  const commands = roleCommands(settings, role, `trust-policy${suffix}.json`);
  return [
    policyDocument(role, policy, `trust-policy${suffix}`),
    commandDocument(role, `aws-cli${suffix}`, `The role ${role.name} with the AWS command line`, commands),
    ...(isAwsRole(role) ? roleDocuments(settings, role, policy, suffix) : []),
  ];
}

function splitWarnings(members: readonly Member[], parts: readonly Part[]): string[] {
  const [first, ...others] = parts;
  const quota = `AWS allows ${maximumPolicyLength} unless its quota "Role trust policy length" is raised`;
  const oversized = parts.flatMap((part) => {
    const length = measureMembers(part.members);
    if (length <= maximumPolicyLength || !isAwsRole(part.role)) return [];
    const { identity } = part.members[0]!.facts;
    return [
      `The identity ${identity} alone needs a trust policy of ${length} characters for its ${part.members.length} subjects; ${quota}. An identity has one role: have the quota raised, or divide its workspaces or users among several identities.`,
    ];
  });
  if (others.length === 0) return oversized;
  const name = first!.role.name;
  return [
    `One trust policy for all would have ${measureMembers(members)} characters; ${quota}. So these are ${parts.length} policies for ${parts.length} roles: ${parts.map(describePart).join('; ')}.`,
    `Create ${others.map(({ role }) => role.name).join(', ')} with the permissions of ${name}, and set the role_arn of the identities named there to the new role: ${others.map(({ role }) => role.arn).join(', ')}. Until then their tokens name ${name}, which no longer trusts them.`,
    ...oversized,
  ];
}

function describePart({ role, members }: Part): string {
  return `${role.name} trusts ${[...new Set(members.map(({ facts }) => facts.identity))].join(', ')}`;
}

function memberWarnings({ settings, facts }: Member, role: RoleArn): string[] {
  const own = [
    ...namingWarnings(facts),
    ...deliveryWarnings(facts, "the session name and the duration at AWS, up to the role's own maximum"),
  ];
  return [
    ...(isAwsRole(role) ? issuerWarnings(facts.issuer, 'AWS', { port: true }) : []),
    ...sourceIdentityWarnings(settings, role),
    ...own.map((warning) => `${facts.identity}: ${warning}`),
  ];
}
