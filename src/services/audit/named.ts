import { ArsiaError } from '../../core/errors.ts';
import { type IdKind, idPrefixes, isId } from '../../core/ids.ts';
import { findIdentity } from '../../store/identities/identities.ts';
import { findNamespace } from '../../store/namespaces/namespaces.ts';
import { findUser } from '../../store/people/users.ts';
import { findServiceAccountByRef } from '../machines/serviceaccounts.ts';
import type { Context, Place } from '../pipeline/action.ts';

/** What a search names by id, path or login. */
export interface NamedInSearch {
  actor?: string | undefined;
  user?: string | undefined;
  workspace?: string | undefined;
  identity?: string | undefined;
}

type NamedColumn = 'actor_id' | 'user_id' | 'workspace_id' | 'identity_id';
type Find = (context: Context, organization_id: string | null, ref: string) => Promise<OwnedThing | undefined>;
type OwnedThing = { id: string; organization_id: string | null };

const findActor: Find = async ({ db }, organization_id, ref) =>
  (await findUser(db, organization_id, ref)) ?? (await findServiceAccountByRef(db, ref));

const searched: Record<keyof NamedInSearch, { column: NamedColumn; noun: string; find: Find }> = {
  actor: { column: 'actor_id', noun: 'user or service account', find: findActor },
  user: { column: 'user_id', noun: 'user', find: ({ db }, organization_id, ref) => findUser(db, organization_id, ref) },
  workspace: {
    column: 'workspace_id',
    noun: 'workspace',
    find: ({ db }, _organization_id, ref) => findNamespace(db, 'workspace', ref),
  },
  identity: {
    column: 'identity_id',
    noun: 'managed identity',
    find: ({ db }, _organization_id, ref) => findIdentity(db, ref),
  },
};

/**
 * Returns the filters by column. An id is not looked up, since the audit has events of things that were deleted. Throws
 * `invalid_request` for a path or login that the organisation of the search does not have.
 */
export async function resolveNamed(
  context: Context,
  { organization_id }: Place,
  named: NamedInSearch,
): Promise<Partial<Record<NamedColumn, string>>> {
  const filter: Partial<Record<NamedColumn, string>> = {};
  for (const [name, { column, noun, find }] of Object.entries(searched)) {
    const ref = named[name as keyof NamedInSearch];
    if (ref === undefined) continue;
    filter[column] = isAnyId(ref)
      ? ref
      : await findNamedId(name, noun, () => find(context, organization_id, ref), organization_id, ref);
  }
  return filter;
}

async function findNamedId(
  parameter: string,
  noun: string,
  find: () => Promise<OwnedThing | undefined>,
  organization_id: string | null,
  ref: string,
): Promise<string> {
  const found = await find();
  // A path can be that of another organisation, about which this one learns nothing.
  if (found !== undefined && found.organization_id === organization_id) return found.id;
  throw new ArsiaError('invalid_request', `There is no ${noun} ${JSON.stringify(ref)} in this organisation.`, {
    advice: 'Check the path or login. For something that was deleted, send its id.',
    fields: [{ pointer: parameter, detail: 'is unknown' }],
  });
}

function isAnyId(text: string): boolean {
  return text === 'system' || (Object.keys(idPrefixes) as IdKind[]).some((kind) => isId(kind, text));
}
