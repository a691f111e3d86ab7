import { providers } from '../../providers/registry.ts';

/**
 * The types of managed identities, with the schemas of their settings, request options and answers, for routes and
 * documents.
 */
export const identityKinds = providers.map(({ type, title, settings, answer, exchanging }) => ({
  type,
  title,
  settings,
  answer,
  request: exchanging?.request,
}));
