import { listClaimPaths } from '../facts.ts';
import type { Provider } from '../provider.ts';
import { tokenAnswer } from '../request.ts';
import { evaluate } from './evaluate.ts';
import { type OidcSettings, settings } from './settings.ts';
import { trust } from './trust.ts';

/**
 * Any relying party that validates OIDC tokens (Vault, Snowflake, your own service). It receives the workload token itself.
 */
export const oidc: Provider<OidcSettings> = {
  type: 'oidc',
  title: 'OpenID Connect',
  settings,
  answer: tokenAnswer,
  federated: {
    freeAudience: ({ audience }) => audience,
    assertion: ({ audience }) => ({ audience, claims: {} }),
    listShownPaths: listClaimPaths,
    trust,
    evaluate,
  },
};
