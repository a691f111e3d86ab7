import { isLoopbackHost } from '../../core/loopback.ts';
/** Names of AWS and of the STS look-alikes that speak its API (cloud-facts.md 1.5, 1.7, 1.12). */

export interface RoleArn {
  arn: string;
  /** `aws`, `aws-cn`, and so on, `minio` or `rustfs`. */
  partition: string;
  /** 12 digits at AWS; at Ceph RGW `RGW` and 17 digits, a tenant, or empty for the default tenant; empty at MinIO and RustFS. */
  account: string;
  /** The name without its path, as in a session ARN. */
  name: string;
  /** `/` or `/path/`. */
  path: string;
}

/** Returns the parts of a role ARN that `roleArnPattern` accepts; undefined for other text. */
export function parseRoleArn(arn: string): RoleArn | undefined {
  const match = /^arn:([^:]+):iam:[^:]*:([^:]*):role(\/(?:.*\/)?)([^/]+)$/.exec(arn);
  if (match === null) return undefined;
  const [, partition = '', account = '', path = '', name = ''] = match;
  return { arn, partition, account, name, path };
}

/**
 * Returns the issuer without its scheme, as AWS writes it in ARNs and condition keys. Returns undefined for http, except on
 * loopback: without the scheme, an http issuer would be indistinguishable from the https one.
 */
export function issuerHostPath(issuer: unknown): string | undefined {
  if (typeof issuer !== 'string') return undefined;
  const [, scheme, hostPath] = /^(https?):\/\/(.+)$/.exec(issuer) ?? [];
  return scheme === 'https' || isLoopbackOrigin(issuer) ? hostPath : undefined;
}

function isLoopbackOrigin(issuer: string): boolean {
  const url = URL.parse(issuer);
  return url !== null && isLoopbackHost(url.hostname) && issuer.startsWith(url.origin);
}

/** Returns the ARN of the IAM OIDC provider of an issuer, in the account of the role. */
export function providerArn(role: Pick<RoleArn, 'partition' | 'account'>, hostPath: string): string {
  return `arn:${role.partition}:iam::${role.account}:oidc-provider/${hostPath}`;
}

/** Returns whether the role is one of AWS itself: no look-alike has an account of 12 digits. */
export function isAwsRole({ account }: Pick<RoleArn, 'account'>): boolean {
  return /^\d{12}$/.test(account);
}

/** Returns whether the role is one of MinIO or of RustFS, which speaks MinIO's API. */
export function isMinioRole({ partition }: Pick<RoleArn, 'partition'>): boolean {
  return partition === 'minio' || partition === 'rustfs';
}

/** Returns the name of the service that holds the role, for messages. */
export function serviceOf(role: Pick<RoleArn, 'account' | 'partition'>): 'AWS' | 'Ceph RGW' | 'MinIO' | 'RustFS' {
  if (role.partition === 'rustfs') return 'RustFS';
  if (isMinioRole(role)) return 'MinIO';
  return isAwsRole(role) ? 'AWS' : 'Ceph RGW';
}

interface Partition {
  name: string;
  /** Region of STS calls for identities without one. */
  region: string;
  regions: RegExp;
  suffix: string;
}

/**
 * Partitions (cloud-facts.md 1.7). All endpoints are regional: China has no global one, and regional tokens work everywhere.
 */
const partitions: readonly Partition[] = [
  { name: 'aws', region: 'us-east-1', regions: /^(?!cn-|us-gov-|us-iso|eu-isoe|eusc-)/, suffix: 'amazonaws.com' },
  { name: 'aws-cn', region: 'cn-north-1', regions: /^cn-/, suffix: 'amazonaws.com.cn' },
  { name: 'aws-us-gov', region: 'us-gov-west-1', regions: /^us-gov-/, suffix: 'amazonaws.com' },
  { name: 'aws-eusc', region: 'eusc-de-east-1', regions: /^eusc-/, suffix: 'amazonaws.eu' },
  { name: 'aws-iso', region: 'us-iso-east-1', regions: /^us-iso-/, suffix: 'c2s.ic.gov' },
  { name: 'aws-iso-b', region: 'us-isob-east-1', regions: /^us-isob-/, suffix: 'sc2s.sgov.gov' },
  { name: 'aws-iso-e', region: 'eu-isoe-west-1', regions: /^eu-isoe-/, suffix: 'cloud.adc-e.uk' },
  { name: 'aws-iso-f', region: 'us-isof-south-1', regions: /^us-isof-/, suffix: 'csp.hci.ic.gov' },
];

/** Returns the partition of a role; undefined for MinIO and RustFS, which have no partition of AWS. */
export function findPartition(role: RoleArn): Partition | undefined {
  return partitions.find(({ name }) => name === role.partition);
}

export function formatStsEndpoint(partition: Partition, region: string): string {
  return `https://sts.${region}.${partition.suffix}`;
}

/** `RoleSessionName` and source identity: 2 to 64 of these characters (cloud-facts.md 1.1). */
const sessionNamePattern = /^(?!aws:)[\w+=,.@-]{2,64}$/;

/** Returns the session name of a user in CloudTrail: the login where AWS accepts it, otherwise the id. */
export function chooseSessionName({ id, login }: { id: string; login: string }): string {
  return sessionNamePattern.test(login) ? login : id;
}
