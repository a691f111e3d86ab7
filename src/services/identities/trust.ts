import type { WorkloadClaims } from '../../core/claims.ts';
import { ArsiaError, asArsiaError } from '../../core/errors.ts';
import { idPrefixes } from '../../core/ids.ts';
import { rootName } from '../../core/namespace.ts';
import { hasWorkspaceId } from '../../core/subject.ts';
import { isNamedAlone } from '../../core/subjectgrants.ts';
import type { Federated, ReadSettings, ReviewedVerdict, Trust, TrustFacts } from '../../providers/provider.ts';
import { findOnlyAssignedWorkspace } from '../../store/identities/assignments.ts';
import type { ManagedIdentity } from '../../store/identities/identities.ts';
import { listNamingLaunchers } from '../../store/identities/subjectgrants.ts';
import { findNamespace, type Namespace } from '../../store/namespaces/namespaces.ts';
import { listTeamIds } from '../../store/people/teams.ts';
import type { User } from '../../store/people/users.ts';
import type { IssuerResolver, TokenIssuer } from '../issuing/issuerresolver.ts';
import { buildTokenClaims, buildTrustFacts, type TokenFacts } from '../issuing/tokenfacts.ts';
import { resolveNamespace } from '../namespaces/namespaces.ts';
import { resolveUserIn } from '../people/users.ts';
import type { Action, Context } from '../pipeline/action.ts';
import { type FoundIdentity, identityPath, type NamedAlias, resolveIdentityToRead } from './lookup.ts';
import { demandReach } from './reaching.ts';
import { readStoredSettings, toStoredIdentity } from './storedsettings.ts';

/**
 * Selects the token of an identity that is shown. `workspace` may be left out where exactly one has the identity,
 * `user` where the subject names none.
 */
export interface TokenQuery {
  ref: string;
  workspace?: string | undefined;
  user?: string | undefined;
}

interface Resolved extends FoundIdentity {
  federated: Federated;
  settings: ReadSettings;
  user: User | undefined;
  token: TokenFacts;
  facts: TrustFacts;
  tokenIssuer: TokenIssuer;
}

export interface TrustActions {
  trust: Action<TokenQuery, FoundIdentity, Trust & { alias: NamedAlias | undefined }>;
  evaluate: Action<TokenQuery & { document: string }, FoundIdentity, ReviewedVerdict>;
  claims: Action<TokenQuery, FoundIdentity, WorkloadClaims>;
}

/**
 * Creates the actions that show and check the trust documents of an identity and the claims of its tokens. They change
 * nothing.
 */
export function createTrustActions(issuerResolver: IssuerResolver): TrustActions {
  const find = (context: Context, input: TokenQuery) => resolveIdentityToRead(context, input.ref);
  const reading = { needs: 'managed_identity.view', changes: false, find } as const;
  // The workspace and the user are looked up after authorisation, because their refusals name the path of the identity.
  const resolveQuery = (context: Context, input: TokenQuery, found: FoundIdentity) =>
    resolveToken(context, input, found, issuerResolver);
  return {
    trust: {
      ...reading,
      name: 'managed_identity.trust',
      async run(context, input, found) {
        const { federated, settings, facts } = await resolveQuery(context, input, found);
        return { ...federated.trust(settings, facts), alias: found.alias };
      },
    },
    evaluate: {
      ...reading,
      name: 'managed_identity.evaluate',
      load: () => 'evaluation',
      async run(context, input, found) {
        const resolved = await resolveQuery(context, input, found);
        const { federated, user, tokenIssuer } = resolved;
        const claims = { ...previewClaims(context, resolved) };
        // The signing key is the first of the JWKS.
        const [signing_key] = (JSON.parse(tokenIssuer.keyring.current().jwks) as { keys: Record<string, unknown>[] })
          .keys;
        const request = { signing_key, ...(user && { session_name: user.login }) };
        return judgeDocument(() => {
          if (federated.review === undefined) return federated.evaluate(input.document, claims, request);
          const { verdict, ...review } = federated.review(input.document, claims, request);
          return { ...verdict, ...review };
        });
      },
    },
    claims: {
      ...reading,
      name: 'managed_identity.preview_claims',
      run: async (context, input, found) => previewClaims(context, await resolveQuery(context, input, found)),
    },
  };
}

/** Evaluates a document. Its faults are faults of the request, with a pointer to `document`. */
function judgeDocument(evaluate: () => ReviewedVerdict): ReviewedVerdict {
  try {
    return evaluate();
  } catch (thrown) {
    const { code, message, more } = asArsiaError(thrown);
    if (code === 'internal') throw thrown;
    throw new ArsiaError(code, message, { fields: [{ pointer: '/document', detail: 'cannot be evaluated' }], ...more });
  }
}

async function resolveToken(
  context: Context,
  input: TokenQuery,
  found: FoundIdentity,
  issuerResolver: IssuerResolver,
): Promise<Resolved> {
  const { identity } = found;
  const {
    provider: { federated, title },
    settings,
  } = readStoredSettings(toStoredIdentity(identity));
  if (federated === undefined) throw new ArsiaError('not_supported', `${title} identities have no trust documents.`);
  const workspace = await resolveWorkspace(context, found, input);
  const user =
    input.user === undefined ? undefined : await resolveUserIn(context, identity.organization_id, input.user);
  const group =
    workspace?.parent_id == null ? undefined : await findNamespace(context.db, 'group', workspace.parent_id);
  const token: TokenFacts = {
    identity: { ...identity, path: identityPath(identity) },
    organization: { id: identity.organization_id, name: rootName(identity.group_path) },
    group,
    workspace,
    user,
  };
  const tokenIssuer = issuerResolver.resolveIssuer(identity.organization_id, identity.id);
  const naming = await describeNaming(context, identity, federated.namesUser?.(settings) ?? false, user);
  return {
    ...found,
    federated,
    settings,
    user,
    token,
    facts: { ...buildTrustFacts(token, tokenIssuer), naming },
    tokenIssuer,
  };
}

const namedLaunchers = 20;

/** Returns the launchers that may name a user in tokens; undefined where tokens name no user, or also the workspace. */
async function describeNaming(
  context: Context,
  identity: ManagedIdentity,
  isUserAsserted: boolean,
  user: User | undefined,
): Promise<TrustFacts['naming']> {
  if (!isNamedAlone(identity, isUserAsserted)) return undefined;
  const named = user && [user.id, ...(await listTeamIds(context.db, user.id))];
  return {
    granted_at: identity.group_path,
    ...(await listNamingLaunchers(context.db, identity, named, namedLaunchers)),
  };
}

async function resolveWorkspace(
  context: Context,
  found: FoundIdentity,
  input: TokenQuery,
): Promise<Namespace | undefined> {
  const { identity } = found;
  if (input.workspace !== undefined) {
    const place = await resolveNamespace(context, 'workspace', input.workspace);
    await context.demand('namespace.view', place);
    await demandReach(context, identity, place.namespace);
    return place.namespace;
  }
  const only = await findOnlyAssignedWorkspace(context.db, identity.id);
  // Who sees the identity by an alias may not see the workspaces of others.
  const isHidden =
    only !== undefined &&
    found.alias !== undefined &&
    !(await context.can('namespace.view', { ...found, lineage: only.lineage }));
  if (only !== undefined && !isHidden) return only;
  if (!hasWorkspaceId(identity.subject_scope)) return undefined;
  throw new ArsiaError(
    'invalid_request',
    `The subject of ${identityPath(identity)} contains a workspace, and the request names none.`,
    {
      advice: 'Add `?workspace=<id or path>`, or assign the identity to the one workspace that will use it.',
      fields: [{ pointer: 'workspace', detail: 'is needed unless exactly one workspace has the identity' }],
    },
  );
}

/**
 * Returns the claims of a token that was minted now. It is never signed; the ids of its job and of itself are samples.
 */
function previewClaims(context: Context, { identity, federated, settings, token, facts }: Resolved): WorkloadClaims {
  const sample = '0'.repeat(26);
  const { group, workspace } = token;
  if (group === undefined || workspace === undefined)
    throw new ArsiaError('invalid_request', 'The claims contain a workspace, and the request names none.', {
      fields: [{ pointer: 'workspace', detail: 'is needed unless exactly one workspace has the identity' }],
    });
  if (facts.is_subject_pattern)
    throw new ArsiaError(
      'invalid_request',
      'The subject of this identity contains a user, and the request names none.',
      {
        fields: [{ pointer: 'user', detail: 'is needed for an identity with a user in its subject' }],
      },
    );
  const job = { id: `${idPrefixes.job}_${sample}`, stage: 'sample' };
  const assertion = federated.assertion(settings, { ...facts, stage: job.stage });
  return buildTokenClaims({ ...token, group, workspace, job }, facts, assertion, {
    jti: `${idPrefixes.event}_${sample}`,
    now: context.now / 1000,
    lifetime: identity.token_lifetime,
  });
}
