import type { Clock } from '../../core/clock.ts';
import { findStoreFault } from '../../providers/aws/storedpolicy.ts';
import { isIssuerUrl } from '../issuer.ts';
import { judge } from '../judge.ts';
import { createAwsRefusal } from './errors.ts';

/** An IAM OpenID Connect provider (cloud-facts.md 1.5). */
export interface OpenIdConnectProvider {
  /** The issuer; compared byte for byte. */
  url: string;
  client_ids: readonly string[];
}

export interface Role {
  arn: string;
  /** `AROA…`, the first part of the `UserId` of its sessions. */
  id: string;
  name: string;
  trust_policy: string;
  /** Seconds. */
  max_session_duration: number;
}

export interface RoleArn {
  partition: string;
  account: string;
  name: string;
}

/** The accounts of this sandbox, with the providers and roles that admins created. */
export interface Accounts {
  /** Returns the provider's ARN. */
  createOpenIdConnectProvider(input: ProviderInput): string;
  /** Returns the role's ARN. */
  createRole(input: RoleInput): string;
  findProvider(role: RoleArn, issuer: string): OpenIdConnectProvider | undefined;
  findRole(arn: string): Role | undefined;
}

export interface ProviderInput {
  /** Twelve digits. */
  account: string;
  url: string;
  client_ids: readonly string[];
  /** Default `aws`. */
  partition?: string;
}

export interface RoleInput {
  arn: string;
  /** The whole IAM trust policy, as JSON text. */
  trust_policy: string;
  /** Seconds, 3600 (the default) to 43200. */
  max_session_duration?: number;
}

/** Source: cloud-facts.md 1.7. */
const roleArnPattern =
  /^arn:(aws|aws-cn|aws-us-gov|aws-eusc|aws-iso(?:-[bef])?):iam::(\d{12}):role\/(?:[\x21-\x7e]{1,511}\/)?([\w+=,.@-]{1,64})$/;
/** AWS drops the port 443 from the URL and the ARN, and keeps case and a trailing slash (cases/aws-facts.md 45). */
const httpsPort = /^(https:\/\/[^/]+):443(?=\/|$)/;
const maximumProviders = 100;
const maximumTrustPolicy = 4096;

export function parseRoleArn(arn: string): RoleArn | undefined {
  const [, partition, account, name] = roleArnPattern.exec(arn) ?? [];
  return partition && account && name ? { partition, account, name } : undefined;
}

export function formatProviderArn({ partition, account }: Omit<RoleArn, 'name'>, url: string): string {
  return `arn:${partition}:iam::${account}:oidc-provider/${url.replace(/^https?:\/\//, '')}`;
}

export function makeAccounts(clock: Clock): Accounts {
  const providers = new Map<string, Map<string, OpenIdConnectProvider>>();
  const roles = new Map<string, Role>();

  return {
    createOpenIdConnectProvider({ account, url: given, client_ids, partition = 'aws' }) {
      checkProvider({ account, url: given, client_ids });
      const url = given.replace(httpsPort, '$1');
      const accountKey = `${partition}:${account}`;
      const here = providers.get(accountKey) ?? new Map<string, OpenIdConnectProvider>();
      if (here.has(url)) throw createAwsRefusal('EntityAlreadyExists', `Provider with url ${url} already exists.`);
      if (here.size >= maximumProviders)
        throw createAwsRefusal('LimitExceeded', `Cannot exceed ${maximumProviders} providers.`);
      providers.set(accountKey, here.set(url, { url, client_ids: [...client_ids] }));
      return formatProviderArn({ partition, account }, url);
    },
    createRole({ arn, trust_policy, max_session_duration = 3600 }) {
      const parsed = parseRoleArn(arn);
      if (!parsed) throw createAwsRefusal('InvalidInput', `${arn} is not a role ARN.`);
      checkRole(trust_policy, max_session_duration);
      const unique = `${parsed.partition}:${parsed.account}:${parsed.name.toLowerCase()}`;
      if (roles.has(unique))
        throw createAwsRefusal('EntityAlreadyExists', `Role with name ${parsed.name} already exists.`);
      roles.set(unique, { arn, id: makeId(clock, 'AROA'), name: parsed.name, trust_policy, max_session_duration });
      return arn;
    },
    findProvider: (role, issuer) => providers.get(`${role.partition}:${role.account}`)?.get(issuer),
    findRole: (arn) => [...roles.values()].find((role) => role.arn === arn),
  };
}

/** Creates an id such as `ASIA…` or `AROA…`: the prefix and 16 letters and digits. */
export function makeId(clock: Clock, prefix: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return prefix + Array.from(clock.random(16), (byte) => alphabet[byte % alphabet.length]).join('');
}

function checkProvider({ account, url, client_ids }: ProviderInput): void {
  if (!/^\d{12}$/.test(account))
    throw createAwsRefusal('InvalidInput', `${account} is not an account id of twelve digits.`);
  if (/[?#]/.test(url)) throw createAwsRefusal('InvalidInput', 'Unknown');
  if (!isIssuerUrl(url) || url.length > 255)
    throw createAwsRefusal('InvalidInput', `${url} is not an https URL of up to 255 characters without a query.`);
  if (client_ids.length > 100 || !client_ids.every((id) => id.length >= 1 && id.length <= 255))
    throw createAwsRefusal('InvalidInput', 'The client id list can have up to 100 audiences of 1 to 255 characters.');
}

/** White space does not count against the quota (cloud-facts.md 1.6). */
function checkRole(trustPolicy: string, maximumDuration: number): void {
  const fault = judge(
    () => findStoreFault(trustPolicy),
    (reason) => createAwsRefusal('MalformedPolicyDocument', reason),
  );
  if (fault !== undefined) throw createAwsRefusal('MalformedPolicyDocument', fault.message);
  if (trustPolicy.replace(/\s/g, '').length > maximumTrustPolicy)
    throw createAwsRefusal('LimitExceeded', `Cannot exceed quota for ACLSizePerRole: ${maximumTrustPolicy}`);
  if (!Number.isInteger(maximumDuration) || maximumDuration < 3600 || maximumDuration > 43_200)
    throw createAwsRefusal('ValidationError', 'The maximum session duration is 3600 to 43200 seconds.');
}
