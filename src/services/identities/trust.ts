import type { WorkloadClaims } from '../../core/claims.ts';
import { ArsiaError, asArsiaError } from '../../core/errors.ts';
import { idPrefixes } from '../../core/ids.ts';
import { findUsability } from '../../core/inheritance.ts';
import { rootName } from '../../core/namespace.ts';
import { hasWorkspaceId } from '../../core/subject.ts';
import { isNamedAlone } from '../../core/subjectgrants.ts';
import type { Federated, ReadSettings, Trust, TrustFacts, Verdict } from '../../providers/provider.ts';
import { findOnlyAssignedWorkspace } from '../../store/identities/assignments.ts';
import type { ManagedIdentity } from '../../store/identities/identities.ts';
import { readReach } from '../../store/identities/reach.ts';
import { listNamingLaunchers } from '../../store/identities/subjectgrants.ts';
import { findNamespace, type Namespace } from '../../store/namespaces/namespaces.ts';
import { listTeamIds } from '../../store/people/teams.ts';
import type { User } from '../../store/people/users.ts';
import type { Speaker, Speakers } from '../issuing/speakers.ts';
import { claimsOf, type TokenFacts, trustFactsOf } from '../issuing/tokenfacts.ts';
import { namespaceAt } from '../namespaces/namespaces.ts';
import { userOf } from '../people/users.ts';
import type { Action, Context } from '../pipeline/action.ts';
import { missing } from '../pipeline/rights.ts';
import { type FoundIdentity, identityAt, identityPath } from './lookup.ts';
import { settingsOf, storedIdentity } from './storedsettings.ts';

/** Which token of the identity is meant; the workspace may be left out where one is assigned, the user where none is named. */
export interface Meant {
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
  speaker: Speaker;
}

export interface TrustActions {
  trust: Action<Meant, FoundIdentity, Trust>;
  evaluate: Action<Meant & { document: string }, FoundIdentity, Verdict>;
  claims: Action<Meant, FoundIdentity, WorkloadClaims>;
}

/** The trust documents of an identity, their check, and the claims that its tokens will carry. All pure once resolved. */
export function createTrustActions(speakers: Speakers): TrustActions {
  const find = (context: Context, input: Meant) => identityAt(context, input.ref);
  const reading = { needs: 'managed_identity.view', changes: false, find } as const;
  // What else the request names is looked up once the caller was found to see the identity: a refusal names its path.
  const meant = (context: Context, input: Meant, found: FoundIdentity) => resolve(context, input, found, speakers);
  return {
    trust: {
      ...reading,
      name: 'managed_identity.trust',
      async run(context, input, found) {
        const { federated, settings, facts } = await meant(context, input, found);
        return federated.trust(settings, facts);
      },
    },
    evaluate: {
      ...reading,
      name: 'managed_identity.evaluate',
      load: () => 'evaluation',
      async run(context, input, found) {
        const resolved = await meant(context, input, found);
        const { federated, user, speaker } = resolved;
        const claims = { ...preview(context, resolved) };
        // The key that signs is published first.
        const [signing_key] = (JSON.parse(speaker.keyring.current().jwks) as { keys: Record<string, unknown>[] }).keys;
        const request = { signing_key, ...(user && { session_name: user.login }) };
        return judged(() => federated.evaluate(input.document, claims, request));
      },
    },
    claims: {
      ...reading,
      name: 'managed_identity.preview_claims',
      run: async (context, input, found) => preview(context, await meant(context, input, found)),
    },
  };
}

/** A document that cannot be judged is a fault of the request, and named as one. */
function judged(evaluate: () => Verdict): Verdict {
  try {
    return evaluate();
  } catch (thrown) {
    const { code, message, more } = asArsiaError(thrown);
    if (code === 'internal') throw thrown;
    throw new ArsiaError(code, message, { fields: [{ pointer: '/document', detail: 'cannot be judged' }], ...more });
  }
}

async function resolve(context: Context, input: Meant, found: FoundIdentity, speakers: Speakers): Promise<Resolved> {
  const { identity } = found;
  const {
    provider: { federated, title },
    settings,
  } = settingsOf(storedIdentity(identity));
  if (federated === undefined) throw new ArsiaError('not_supported', `${title} identities have no trust documents.`);
  const workspace = await workspaceMeant(context, identity, input);
  const user = input.user === undefined ? undefined : await userOf(context, identity.organization_id, input.user);
  const group =
    workspace?.parent_id == null ? undefined : await findNamespace(context.db, 'group', workspace.parent_id);
  const token: TokenFacts = {
    identity: { ...identity, path: identityPath(identity) },
    organization: { id: identity.organization_id, name: rootName(identity.group_path) },
    group,
    workspace,
    user,
  };
  const speaker = speakers.speakerOf(identity.organization_id, identity.id);
  const naming = await namingOf(context, identity, federated.namesUser?.(settings) ?? false, user);
  return { ...found, federated, settings, user, token, facts: { ...trustFactsOf(token, speaker), naming }, speaker };
}

const namedLaunchers = 20;

/** Undefined where tokens name no user, or a workspace beside the user. */
async function namingOf(
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

async function workspaceMeant(
  context: Context,
  identity: ManagedIdentity,
  input: Meant,
): Promise<Namespace | undefined> {
  if (input.workspace !== undefined) {
    const place = await namespaceAt(context, 'workspace', input.workspace);
    await context.demand('namespace.view', place);
    const reach = await readReach(context.db, identity, place.lineage);
    if (findUsability(reach, place.lineage) === 'out_of_reach') throw missing('workspace', input.workspace);
    return place.namespace;
  }
  const only = await findOnlyAssignedWorkspace(context.db, identity.id);
  if (only !== undefined || !hasWorkspaceId(identity.subject_scope)) return only;
  throw new ArsiaError('invalid_request', `The subject of ${identityPath(identity)} names a workspace: say which.`, {
    advice: 'Add `?workspace=<id or path>`, or assign the identity to the one workspace that will use it.',
    fields: [{ pointer: 'workspace', detail: 'is needed unless exactly one workspace has the identity' }],
  });
}

/** What a token minted now would say. Never signed; the ids of the job and the token are samples. */
function preview(context: Context, { identity, federated, settings, token, facts }: Resolved): WorkloadClaims {
  const sample = '0'.repeat(26);
  const { group, workspace } = token;
  if (group === undefined || workspace === undefined)
    throw new ArsiaError('invalid_request', 'The claims name a workspace: say which.', {
      fields: [{ pointer: 'workspace', detail: 'is needed unless exactly one workspace has the identity' }],
    });
  if (facts.is_subject_pattern)
    throw new ArsiaError('invalid_request', 'The subject of this identity names a user: say which.', {
      fields: [{ pointer: 'user', detail: 'is needed for an identity with a user in its subject' }],
    });
  const job = { id: `${idPrefixes.job}_${sample}`, stage: 'sample' };
  const assertion = federated.assertion(settings, { ...facts, stage: job.stage });
  return claimsOf({ ...token, group, workspace, job }, facts, assertion, {
    jti: `${idPrefixes.event}_${sample}`,
    now: context.now / 1000,
    lifetime: identity.token_lifetime,
  });
}
