import { ArsiaError } from '../../core/errors.ts';
import { childPath, maximumDepth } from '../../core/namespace.ts';
import type { Page } from '../../database/page.ts';
import type { Created } from '../../entities/entity.ts';
import { groups } from '../../entities/namespaces.ts';
import {
  countOrganizations,
  findNamespace,
  insertNamespace,
  listNamespaces,
  type Namespace,
  type NamespaceFilter,
} from '../../store/namespaces/namespaces.ts';
import { listMembershipsOf } from '../../store/people/memberships.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import { findInstallation, findOwnOrganization } from '../pipeline/places.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';

export interface FoundNamespace extends Place {
  namespace: Namespace;
}

/** Finds a group or workspace by id or path. Throws `not_found`. */
export async function resolveNamespace(
  context: Context,
  kind: Namespace['kind'] | 'any',
  ref: string,
): Promise<FoundNamespace> {
  const namespace = await findNamespace(context.db, kind, ref);
  if (namespace === undefined) throw buildNotFoundError(chooseNoun(kind), ref);
  return {
    namespace,
    organization_id: namespace.organization_id,
    lineage: namespace.lineage,
    named: { noun: chooseNoun(kind), ref },
    audit: {
      target_id: namespace.id,
      ...(namespace.kind === 'workspace' && { workspace_id: namespace.id }),
    },
  };
}

function chooseNoun(kind: Namespace['kind'] | 'any'): string {
  return kind === 'any' ? 'group or workspace' : kind;
}

type NewOrganization = Omit<Created<typeof groups>, 'parent'>;

interface NewNamespace extends NewOrganization {
  /** The parent group, by id or path. */
  parent: string;
}

export const createGroup = buildCreateAction('group');
export const createWorkspace = buildCreateAction('workspace');

function buildCreateAction(kind: Namespace['kind']): Action<NewNamespace, FoundNamespace, Namespace> {
  return {
    name: `${kind}.create`,
    needs: `${kind}.create`,
    changes: true,
    adds: [`${kind}s`],
    find: (context, input) => resolveNamespace(context, 'group', input.parent),
    async run(context, { parent: _parent, ...given }, { namespace: parent }) {
      const lineage = [...parent.lineage];
      if (kind === 'group' && lineage.length >= maximumDepth)
        throw new ArsiaError('conflict', `${parent.path} is ${maximumDepth} groups deep, which is the limit.`);
      const path = childPath(parent.path, given.name);
      await refuseTakenPath(context, path);
      await context.admit(`${kind}s`, parent.organization_id);
      const id = context.newId(kind);
      const row: Namespace = {
        id,
        kind,
        parent_id: parent.id,
        organization_id: parent.organization_id,
        ...given,
        path,
        lineage: [...lineage, id],
        created_at: new Date(context.now),
        version: 1,
      };
      await insertNamespace(context.db, row);
      return row;
    },
    describe: (_input, _found, row) => ({
      target_id: row.id,
      ...(kind === 'workspace' && { workspace_id: row.id }),
      detail: groups.recorded(row),
    }),
  };
}

/** Returns the action that creates an organisation (a root group). For operators; in single tenancy, only one. */
export function createOrganization(tenancy: 'single' | 'multi'): Action<NewOrganization, Place, Namespace> {
  return {
    name: 'organization.create',
    needs: 'operator',
    changes: true,
    find: findInstallation,
    async run(context, input) {
      await refuseTakenPath(context, input.name);
      if (tenancy === 'single' && (await countOrganizations(context.db)) > 0)
        throw new ArsiaError('conflict', 'This installation serves one organisation, which exists already.', {
          advice: 'Create a group below it, or set ARSIA_TENANCY=multi.',
        });
      const id = context.newId('group');
      const row: Namespace = {
        id,
        kind: 'group',
        parent_id: null,
        organization_id: id,
        ...input,
        path: input.name,
        lineage: [id],
        created_at: new Date(context.now),
        version: 1,
      };
      await insertNamespace(context.db, row);
      return row;
    },
    describe: (_input, _found, row) => ({ target_id: row.id, organization_id: row.id, detail: groups.recorded(row) }),
  };
}

export function getNamespace(kind: Namespace['kind']): Action<{ ref: string }, FoundNamespace, Namespace> {
  return {
    name: `${kind}.get`,
    needs: 'namespace.view',
    changes: false,
    find: (context, input) => resolveNamespace(context, kind, input.ref),
    run: async (_context, _input, { namespace }) => namespace,
  };
}

/** Returns the action that lists the groups or workspaces that the caller can see. */
export function listVisibleNamespaces(
  kind: Namespace['kind'],
): Action<NamespaceFilter & { page: Page }, Place, Namespace[]> {
  return {
    name: `${kind}.list`,
    needs: 'member',
    changes: false,
    find: findOwnOrganization,
    async run(context, { page, ...filter }, place) {
      const roots = await listVisibleRoots(context);
      if (roots.length === 0 || place.organization_id === null) return [];
      const { organization_id } = place;
      return await listNamespaces(context.db, { ...filter, kind, organization_id, roots }, page);
    },
  };
}

/**
 * Returns the groups and workspaces where the caller has a role. It sees everything below them, since every role can
 * view.
 */
export async function listVisibleRoots(context: Context): Promise<string[]> {
  const { caller, db } = context;
  if (caller.id === null) return [];
  const { lineage } = await findOwnOrganization(context);
  // A role on the organisation shows all of it: the roles below, of which there may be thousands, add nothing.
  if (lineage.length > 0 && (await listMembershipsOf(db, caller.id, lineage)).length > 0) return lineage;
  return (await listMembershipsOf(db, caller.id)).map((membership) => membership.namespace_id);
}

/** Throws `conflict` where a group or workspace has the path. */
export async function refuseTakenPath(context: Context, path: string): Promise<void> {
  if ((await findNamespace(context.db, 'any', path)) === undefined) return;
  throw new ArsiaError('conflict', `There is already a group or workspace ${path}.`, {
    advice: 'Choose another name.',
    fields: [{ pointer: '/name', detail: 'is already used in this group' }],
  });
}
