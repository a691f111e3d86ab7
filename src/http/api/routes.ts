import type { Route } from '../route.ts';
import { auditRoutes } from './auditevents.ts';
import { identityRoutes } from './identities.ts';
import { issuingRoutes } from './issuing.ts';
import { jobRoutes } from './jobs.ts';
import { namespaceRoutes } from './namespaces.ts';
import { operatorRoutes } from './operators.ts';
import { principalRoutes } from './principals.ts';

/** Every route below `/api/v1`. */
export const routes: readonly Route[] = [
  ...issuingRoutes,
  ...namespaceRoutes,
  ...principalRoutes,
  ...identityRoutes,
  ...jobRoutes,
  ...auditRoutes,
  ...operatorRoutes,
];
