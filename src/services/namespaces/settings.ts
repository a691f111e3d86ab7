import { ArsiaError } from '../../core/errors.ts';
import type { Changed } from '../../entities/entity.ts';
import type { organizationSettings } from '../../entities/organizationsettings.ts';
import { endTokensOfOtherIssuers } from '../../store/machines/trustrules.ts';
import { type OrganizationSettings, readOrganizationSettings, saveSettings } from '../../store/namespaces/settings.ts';
import { findOnlyVisiblePrincipal } from '../people/users.ts';
import type { Action, Place } from '../pipeline/action.ts';
import { findOwnOrganization } from '../pipeline/places.ts';

interface FoundSettings extends Place {
  version: number;
}

export const getSettings: Action<object, Place, OrganizationSettings> = {
  name: 'organization_settings.get',
  needs: 'member',
  changes: false,
  find: findOwnOrganization,
  async run(context, _input, { organization_id }) {
    if (organization_id !== null && (await findOnlyVisiblePrincipal(context)) !== undefined)
      throw new ArsiaError('not_found', 'You have no role in this organisation.', {
        advice: 'Ask an owner of the organisation for a role on its root group.',
      });
    return await readOrganizationSettings(context.db, organization_id!);
  },
};

export const changeSettings: Action<Changed<typeof organizationSettings>, FoundSettings, OrganizationSettings> = {
  name: 'organization_settings.update',
  needs: 'organization.configure',
  changes: true,
  async find(context) {
    const place = await findOwnOrganization(context);
    const { organization_id } = place;
    return {
      ...place,
      version: organization_id === null ? 0 : (await readOrganizationSettings(context.db, organization_id)).version,
    };
  },
  version: ({ version }) => version,
  run: async (context, input, { organization_id }) => {
    const change = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
    // As when a trust rule is deleted, the access tokens that it admitted end.
    if (input.allowed_issuers) await endTokensOfOtherIssuers(context.db, organization_id!, input.allowed_issuers);
    return await saveSettings(context.db, organization_id!, change);
  },
  describe: (input) => ({ detail: { ...input } }),
};
