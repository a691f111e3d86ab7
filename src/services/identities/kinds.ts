import { providers } from '../../providers/registry.ts';

/** The kinds of managed identities, each with the schemas of its settings, options and answer, for routes and documents. */
export const identityKinds = providers.map(({ type, title, settings, answer, exchanging }) => ({
  type,
  title,
  settings,
  answer,
  request: exchanging?.request,
}));
