import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { buildClaims, type WorkloadClaims } from '../../src/core/claims.ts';
import { type IdKind, makeId } from '../../src/core/ids.ts';
import { formatSubject, formatSubjectPattern, type SubjectScope } from '../../src/core/subject.ts';
import { createOutbound } from '../../src/outbound/outbound.ts';
import type {
  CloudEndpoints,
  ExchangeContext,
  Provider,
  ReadSettings,
  TrustFacts,
} from '../../src/providers/provider.ts';
import { endpointSettings } from '../../src/providers/registry.ts';

export const issuer = 'https://arsia.example.com/oidc';
export const now = Date.UTC(2026, 10, 21);

export function id(kind: IdKind): string {
  return makeId(kind, now, randomBytes);
}

/** The default endpoints of all providers. */
export const endpoints: CloudEndpoints = {
  ...Object.fromEntries(
    Object.entries(endpointSettings).map(([name, setting]) => [name, setting.parse(setting.default)]),
  ),
  outbound: createOutbound(),
};

/** Facts with real ids; `user: null` for the pattern of every user. */
export function trustFacts(
  scope: SubjectScope = 'workspace',
  more: Omit<Partial<TrustFacts>, 'user'> & { user?: TrustFacts['user'] | null } = {},
): TrustFacts {
  const { user: given, ...rest } = more;
  const user = given === undefined ? { id: id('user'), login: 'alice@acme' } : given;
  const identity_id = rest.identity_id ?? id('managed_identity');
  const workspace = rest.workspace ?? { id: id('workspace'), path: 'acme/research/sim' };
  const parts = { identity_id, workspace_id: workspace.id, user_id: user?.id };
  const isPattern = user === null && (scope === 'user' || scope === 'workspace_user');
  return {
    issuer,
    tenancy: 'single',
    organization_id: rest.organization_id ?? id('group'),
    identity: 'acme/research/deploy',
    delivery: 'credentials',
    organization: 'acme',
    group: 'acme/research',
    stage: 'apply',
    ...rest,
    identity_id,
    workspace,
    subject_scope: scope,
    subject: isPattern ? formatSubjectPattern(scope, parts) : formatSubject(scope, parts),
    is_subject_pattern: isPattern,
    user: user ?? undefined,
  };
}

/**
 * Reads the oldest forms of a provider's settings that a database may hold, from its test folder. A release adds a
 * form when it raises the version, and never changes an existing one.
 */
export function oldestSettings(type: string): Record<string, unknown>[] {
  return JSON.parse(readFileSync(`test/providers/${type}/oldestsettings.json`, 'utf8'));
}

/** Returns the claims that the mint would make for these facts; for a pattern, those of one user. */
export function claimsFor<Settings>(
  provider: Provider<Settings>,
  settings: Settings,
  facts: TrustFacts,
): WorkloadClaims {
  const user = facts.user ?? { id: id('user'), login: 'bob' };
  const subject = facts.is_subject_pattern ? facts.subject.replace('usr_*', user.id) : facts.subject;
  return buildClaims(
    {
      issuer: facts.issuer,
      subject,
      identity: { id: facts.identity_id, path: facts.identity },
      workspace: facts.workspace!,
      group: { id: id('group'), path: facts.group! },
      organization: { id: facts.organization_id, name: facts.organization! },
      user,
      job: { id: id('job'), stage: facts.stage! },
    },
    provider.federated!.assertion(settings, { ...facts, user }),
    { jti: makeId('event', now, randomBytes), now: now / 1000, lifetime: 600 },
  );
}

/** Returns the examples in the schema, by member. */
export function examplesOf(provider: Pick<Provider, 'settings'>): Record<string, unknown> {
  const { properties = {} } = z.toJSONSchema(provider.settings, { io: 'input' }) as {
    properties?: Record<string, { examples?: unknown[] }>;
  };
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, schema.examples?.[0]]));
}

/** Returns the parsed settings made of the examples. */
export function sampleSettings(provider: Provider, more: Record<string, unknown> = {}): ReadSettings {
  return provider.settings.parse({ ...examplesOf(provider), ...more });
}

export function exchangeContext(more: Partial<ExchangeContext> = {}): ExchangeContext {
  return {
    claims: { job_id: id('job') } as WorkloadClaims,
    request: {},
    endpoints,
    user: { id: id('user'), login: 'alice' },
    signal: new AbortController().signal,
    ...more,
  };
}
