import type { Route } from '../route.ts';
import { accessRuleRoutes } from './accessrules.ts';
import { auditRoutes } from './auditevents.ts';
import { identityRoutes } from './identities.ts';
import { invitationRoutes } from './invitations.ts';
import { issuingRoutes } from './issuing.ts';
import { jobRoutes } from './jobs.ts';
import { namespaceRoutes } from './namespaces.ts';
import { operatorRoutes } from './operators.ts';
import { principalRoutes } from './principals.ts';
import { quotaRoutes } from './quotas.ts';
import { reachRoutes } from './reach.ts';
import { subjectGrantRoutes } from './subjectgrants.ts';
import { teamRoutes } from './teams.ts';
import { trustRuleRoutes } from './trustrules.ts';

/** Every route below `/api/v1`. */
export const routes: readonly Route[] = [
  ...issuingRoutes,
  ...namespaceRoutes,
  ...principalRoutes,
  ...trustRuleRoutes,
  ...invitationRoutes,
  ...identityRoutes,
  ...subjectGrantRoutes,
  ...accessRuleRoutes,
  ...reachRoutes,
  ...teamRoutes,
  ...jobRoutes,
  ...auditRoutes,
  ...operatorRoutes,
  ...quotaRoutes,
];
