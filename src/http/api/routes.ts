import type { Route } from '../route.ts';
import { auditRoutes } from './audit/events.ts';
import { accessRuleRoutes } from './identities/accessrules.ts';
import { identityRoutes } from './identities/identities.ts';
import { reachRoutes } from './identities/reach.ts';
import { subjectGrantRoutes } from './identities/subjectgrants.ts';
import { issuingRoutes } from './issuing/issuing.ts';
import { jobRoutes } from './jobs/jobs.ts';
import { trustRuleRoutes } from './machines/trustrules.ts';
import { namespaceRoutes } from './namespaces/namespaces.ts';
import { quotaRoutes } from './namespaces/quotas.ts';
import { invitationRoutes } from './people/invitations.ts';
import { operatorRoutes } from './people/operators.ts';
import { principalRoutes } from './people/principals.ts';
import { teamRoutes } from './people/teams.ts';

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
