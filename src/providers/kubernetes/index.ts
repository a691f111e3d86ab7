import { listClaimPaths } from '../facts.ts';
import type { Provider } from '../provider.ts';
import { tokenAnswer } from '../request.ts';
import { evaluate } from './evaluate.ts';
import { type KubernetesSettings, settings } from './settings.ts';
import { trust } from './trust.ts';

/** A Kubernetes API server. It accepts the workload token itself, so there is no exchange. */
export const kubernetes: Provider<KubernetesSettings> = {
  type: 'kubernetes',
  title: 'Kubernetes',
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
