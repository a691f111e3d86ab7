import type { Assertion } from '../../core/claims.ts';
import { formatAudience } from './names.ts';
import type { GcpSettings } from './settings.ts';

export function assertion(settings: GcpSettings): Assertion {
  return { audience: formatAudience(settings), claims: {} };
}
