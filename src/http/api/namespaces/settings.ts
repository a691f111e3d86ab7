import { organizationSettings } from '../../../entities/organizationsettings.ts';
import { type Route, route } from '../../route.ts';

export const settingsRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/organization-settings',
    summary: 'What the organisation chose for itself',
    action: 'organization_settings.get',
    response: organizationSettings.answer,
    handle: ({ api, call }) => api.pipeline.perform(api.actions.settings.get, call, {}),
  }),
  route({
    method: 'PATCH',
    path: '/organization-settings',
    summary: 'Open or close identities without rules; allow-list of outside issuers (null: any)',
    action: 'organization_settings.update',
    body: organizationSettings.change,
    response: organizationSettings.answer,
    handle: ({ api, call, body }) => api.pipeline.perform(api.actions.settings.update, call, body),
  }),
];
