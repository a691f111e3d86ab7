import { z } from 'zod';
import { findTagKeyFault, roleArnPattern } from '../../core/claims.ts';
import { findIssuerFault } from '../../core/issuerurl.ts';
import { booleanField, choiceField, mustBe, secondsField, textField, toMeta } from '../fields.ts';
import { findPartition, isAwsRole, parseRoleArn } from './names.ts';

/** Durations that AWS accepts for a session (cloud-facts.md 1.1). Seconds. */
export const sessionDuration = { minimum: 900, default: 3600, maximum: 43_200 } as const;

/** Sources of session tags: facts of the job and never free text, so that no admin can tag a session as another user's. */
const tagSources = [
  'user',
  'user_id',
  'workspace',
  'workspace_id',
  'group',
  'organization',
  'organization_id',
  'identity',
  'identity_id',
  'stage',
] as const;
export type TagSource = (typeof tagSources)[number];

const maximumTags = 50;
const endpointExample = 'https://rgw.example.com';
/** A key must not be the name of a claim, ignoring case: an STS look-alike could confuse the tag with it. */
const tagExample = 'arsia:workspace';
const tagsExample = { [tagExample]: 'workspace' } as const;

const roleArn = textField(
  {
    title: 'Role ARN',
    description:
      'The role that jobs assume. The token names it, so it opens no other role. Ceph RGW: arn:aws:iam:::role/NAME, with its account id or tenant between the last two colons; MinIO: arn:minio:iam:::role/NAME.',
    example: 'arn:aws:iam::123456789012:role/acme/deploy',
  },
  roleArnPattern,
  'the ARN of a role',
);

const region = textField(
  {
    title: 'Region',
    description: "The region whose STS endpoint is called. Left out: the home region of the role's partition.",
    example: 'eu-central-1',
  },
  /^[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}$/,
  'an AWS region',
);

const stsEndpoint = z
  .string({ error: mustBe('a URL', endpointExample) })
  .max(512, { error: mustBe('a URL of at most 512 characters', endpointExample) })
  // The rule for issuers is the one for endpoints: https, or http on loopback, and nothing after the path.
  .refine((value) => findIssuerFault(value) === undefined, {
    error: ({ input }) => `${findIssuerFault(String(input))}, such as ${JSON.stringify(endpointExample)}`,
  })
  .meta(
    toMeta({
      title: 'STS endpoint',
      description:
        'One of the STS endpoints that the operator lists in ARSIA_AWS_STS_ENDPOINTS. Left out: the first of them, or that of AWS where none is listed.',
      example: endpointExample,
    }),
  );

const tagsRule = `an object of tag keys and facts (${tagSources.join(', ')})`;

const sessionTags = z
  .record(
    z.string().refine((key) => findTagKeyFault(key) === undefined),
    choiceField({ title: 'Fact', description: 'The fact that the tag carries.', example: 'workspace' }, tagSources),
    {
      error: ({ code, path }) => {
        const fault = code === 'invalid_key' ? findTagKeyFault(String(path?.at(-1))) : undefined;
        return fault === undefined ? mustBe(tagsRule, tagsExample) : `${fault}, such as ${JSON.stringify(tagExample)}`;
      },
    },
  )
  .refine((tags) => Object.keys(tags).length <= maximumTags, { error: `has more than ${maximumTags} tags` })
  .refine(hasDistinctKeys, { error: 'has keys that differ only by case, which AWS treats as one' })
  .meta({
    ...toMeta({
      title: 'Session tags',
      description:
        "Tags of the session at AWS, by key, for conditions on aws:PrincipalTag. The role's trust policy then needs sts:TagSession; the generated one has it.",
      example: tagsExample,
    }),
    maxProperties: maximumTags,
  });

const transitiveTagKeys = z
  .array(z.string({ error: mustBe('a key of session_tags', tagExample) }).max(128), {
    error: mustBe('a list of keys of session_tags', [tagExample]),
  })
  .max(maximumTags, { error: mustBe(`at most ${maximumTags} keys of session_tags`, [tagExample]) })
  .meta(
    toMeta({
      title: 'Transitive tags',
      description: 'Keys of session tags that stay when the session assumes a further role.',
      example: [tagExample],
    }),
  );

export const settings = z
  .strictObject({
    role_arn: roleArn,
    max_duration: secondsField(
      {
        title: 'Longest session',
        description: "Jobs may ask for at most this many seconds. The role's own maximum at AWS must be as long.",
        example: 3600,
      },
      sessionDuration.minimum,
      sessionDuration.maximum,
    ).default(sessionDuration.default),
    region: region.optional(),
    sts_endpoint: stsEndpoint.optional(),
    session_tags: sessionTags.optional(),
    transitive_tag_keys: transitiveTagKeys.optional(),
    source_identity: booleanField({
      title: 'Source identity',
      description:
        'Name the user as the source identity of the session: it stays in CloudTrail through every further role. The trust policy then needs sts:SetSourceIdentity; the generated one has it. AWS only: Ceph RGW has no source identity.',
      example: true,
    }).default(false),
  })
  .superRefine((value, context) => {
    const role = parseRoleArn(value.role_arn);
    const partition = role && isAwsRole(role) ? findPartition(role) : undefined;
    if (value.region !== undefined && partition !== undefined && !partition.regions.test(value.region))
      context.addIssue({
        code: 'custom',
        path: ['region'],
        message: mustBe(`a region of the partition ${partition.name}`, partition.region),
      });
    const unknownKeys = (value.transitive_tag_keys ?? []).filter(
      (key) => !Object.hasOwn(value.session_tags ?? {}, key),
    );
    if (unknownKeys.length > 0)
      context.addIssue({
        code: 'custom',
        path: ['transitive_tag_keys'],
        message: `${mustBe('a list of keys of session_tags', [tagExample])}; it has ${unknownKeys.join(', ')}`,
      });
  });

export type AwsSettings = z.output<typeof settings>;

function hasDistinctKeys(tags: Record<string, unknown>): boolean {
  const keys = Object.keys(tags);
  return new Set(keys.map((key) => key.toLowerCase())).size === keys.length;
}
