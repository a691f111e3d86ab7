import { parseObject } from '../form.ts';
import { createAwsRefusal } from './errors.ts';

/** The parameters of AssumeRoleWithWebIdentity (cloud-facts.md 1.1). */
export interface AssumeRoleInput {
  role_arn: string;
  session_name: string;
  token: string;
  /** Seconds. */
  duration: number;
  provider_id: string | undefined;
}

interface Constraint {
  parameter: string;
  /** True when the refusal must not contain the value. */
  is_secret?: boolean;
  is_required: boolean;
  minimum: number;
  maximum: number;
  pattern?: RegExp;
}

const sessionNamePattern = /^[\w+=,.@-]*$/;
/** U+0009, U+000A, U+000D and U+0020 to U+00FF. */
const policyPattern = /^[\t\n\r\u0020-\u00ff]*$/;
const defaultDuration = 3600;
const durationLimits = { minimum: 900, maximum: 43_200 };
const maximumPolicies = 10;
const maximumPlaintext = 2048;

const texts: readonly Constraint[] = [
  { parameter: 'RoleArn', is_required: true, minimum: 20, maximum: 2048 },
  { parameter: 'RoleSessionName', is_required: true, minimum: 2, maximum: 64, pattern: sessionNamePattern },
  { parameter: 'WebIdentityToken', is_secret: true, is_required: true, minimum: 4, maximum: 20_000 },
  { parameter: 'ProviderId', is_required: false, minimum: 4, maximum: 2048 },
  { parameter: 'Policy', is_required: false, minimum: 1, maximum: maximumPlaintext, pattern: policyPattern },
];

/**
 * Reads and checks the parameters. Throws ValidationError with every failed constraint, MalformedInput, MalformedPolicyDocument or
 * PackedPolicyTooLarge.
 */
export function readAssumeRoleInput(parameters: ReadonlyMap<string, string>): AssumeRoleInput {
  const duration = parameters.get('DurationSeconds') ?? String(defaultDuration);
  checkInteger(duration);
  const faults = [
    ...texts.flatMap((constraint) => findTextFaults(constraint, parameters.get(constraint.parameter))),
    ...findDurationFaults(duration),
  ];
  if (faults.length > 0)
    throw createAwsRefusal(
      'ValidationError',
      `${faults.length} validation error${faults.length > 1 ? 's' : ''} detected: ${faults.join('; ')}`,
    );
  checkSessionPolicies(parameters);
  return {
    role_arn: parameters.get('RoleArn')!,
    session_name: parameters.get('RoleSessionName')!,
    token: parameters.get('WebIdentityToken')!,
    duration: Number(duration),
    provider_id: parameters.get('ProviderId'),
  };
}

/** The wording of AWS is unverified (cloud-facts.md 1.3). */
function findTextFaults(constraint: Constraint, value: string | undefined): string[] {
  const { minimum, maximum, pattern } = constraint;
  const subject = (shown: string) =>
    `Value ${shown} at '${formatMember(constraint.parameter)}' failed to satisfy constraint:`;
  if (value === undefined) return constraint.is_required ? [`${subject('null')} Member must not be null`] : [];
  const prefix = subject(constraint.is_secret ? "'***'" : `'${value}'`);
  const faults: string[] = [];
  if (pattern && !pattern.test(value))
    faults.push(`${prefix} Member must satisfy regular expression pattern: ${pattern.source.slice(1, -1)}`);
  if (value.length < minimum) faults.push(`${prefix} Member must have length greater than or equal to ${minimum}`);
  if (value.length > maximum) faults.push(`${prefix} Member must have length less than or equal to ${maximum}`);
  return faults;
}

/** AWS reads a sign and leading zeros, and no other form of a 32-bit integer (cases/aws-facts.md 47; the text was not observed). */
function checkInteger(value: string): void {
  if (!/^[+-]?\d{1,20}$/.test(value) || Math.abs(Number(value)) >= 2 ** 31)
    throw createAwsRefusal('MalformedInput', 'DurationSeconds is not an integer.');
}

function findDurationFaults(value: string): string[] {
  const prefix = `Value '${value}' at 'durationSeconds' failed to satisfy constraint:`;
  const seconds = Number(value);
  if (seconds < durationLimits.minimum)
    return [`${prefix} Member must have value greater than or equal to ${durationLimits.minimum}`];
  if (seconds > durationLimits.maximum)
    return [`${prefix} Member must have value less than or equal to ${durationLimits.maximum}`];
  return [];
}

/** Checks the form of session policies. Their effect is not evaluated: the sandbox has no resources. */
function checkSessionPolicies(parameters: ReadonlyMap<string, string>): void {
  const policy = parameters.get('Policy');
  if (policy !== undefined && parseObject(policy)?.Statement === undefined)
    throw createAwsRefusal('MalformedPolicyDocument', 'Syntax errors in policy.');
  const arns = [...parameters].filter(([name]) => /^PolicyArns\.member\.\d+\.arn$/.test(name)).map(([, arn]) => arn);
  if (arns.length > maximumPolicies)
    throw createAwsRefusal('ValidationError', `PolicyArns can have up to ${maximumPolicies} managed policies.`);
  const account = /^arn:[\w-]+:iam::(\d{12}):/.exec(parameters.get('RoleArn') ?? '')?.[1];
  for (const arn of arns) {
    const owner = /^arn:[\w-]+:iam::(\d{12}|aws):policy\/[\x21-\x7e]+$/.exec(arn)?.[1];
    if (owner === undefined || (owner !== 'aws' && owner !== account))
      throw createAwsRefusal('ValidationError', `${arn} is not a managed policy of the account of the role.`);
  }
  if ((policy ?? '').length + arns.join('').length > maximumPlaintext)
    throw createAwsRefusal(
      'PackedPolicyTooLarge',
      `Session policies can have up to ${maximumPlaintext} characters together.`,
    );
}

function formatMember(parameter: string): string {
  return parameter[0]!.toLowerCase() + parameter.slice(1);
}
