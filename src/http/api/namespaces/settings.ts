import { organizationSettings } from '../../../entities/organizationsettings.ts';
import { type Route, route } from '../../route.ts';

export const settingsRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/organization-settings',
    summary: 'What the organisation chose for itself',
    description:
      'Returns the settings of the organisation of the caller. An operator without an organisation gets the values with which a new organisation starts.',
    action: 'organization_settings.get',
    who: 'every principal with a role in the organisation; operators',
    errors: ['not_found'],
    response: organizationSettings.answer,
    handle: ({ api, call }) => api.pipeline.perform(api.actions.settings.get, call, {}),
  }),
  route({
    method: 'PATCH',
    path: '/organization-settings',
    summary: 'Open or close identities without rules; allow-list of outside issuers (null: any)',
    description:
      'Changes settings of the organisation. Members that are left out stay. The change applies from the next request on, also to running jobs.',
    action: 'organization_settings.update',
    body: organizationSettings.change,
    response: organizationSettings.answer,
    handle: ({ api, call, body }) => api.pipeline.perform(api.actions.settings.update, call, body),
  }),
];
