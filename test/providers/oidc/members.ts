import * as oidc from '../../../src/providers/oidc/evaluate.ts';
import { absent, claims, iss, type Walk } from '../walk.ts';

export const walk: Walk = {
  ...oidc,
  claims,
  places: {
    '': (change) => ({
      issuer: iss,
      audiences: [claims.aud],
      ...('subject_prefix' in change ? {} : { subject: claims.sub }),
      ...change,
    }),
  },
  refused: {
    issuer: [absent, null, `${iss}/`],
    audiences: [absent, [], 'aud', ['x'], [7]],
    subject: [absent, null, 7, 'x'],
    subject_prefix: ['', 'x', null, 7],
  },
};
