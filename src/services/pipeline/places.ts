import type { Context, Place } from './action.ts';

/** Returns the caller's organisation as the place of an action whose request names no place. */
export async function findOwnOrganization({ caller }: Context): Promise<Place> {
  const organization_id = 'organization_id' in caller ? caller.organization_id : null;
  return { organization_id, lineage: organization_id === null ? [] : [organization_id] };
}

/**
 * Returns the place of an action of operators that belongs to no organisation. Such an action looks up what its request
 * names in `run`, after authorisation: a caller who is no operator learns nothing about it.
 */
export async function findInstallation(): Promise<Place> {
  return { organization_id: null, lineage: [] };
}
