import type { Assertion } from '../../core/claims.ts';
import { clouds } from './clouds.ts';
import type { AzureSettings } from './settings.ts';

export function assertion({ cloud }: AzureSettings): Assertion {
  return { audience: clouds[cloud].audience, claims: {} };
}
