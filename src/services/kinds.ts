import { providers } from '../providers/registry.ts';

/** The kinds of managed identities, each with the schema of its settings, for documents and forms. */
export const identityKinds = providers.map(({ type, title, settings }) => ({ type, title, settings }));
