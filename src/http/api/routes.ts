import type { Route } from '../route.ts';
import { auditRoutes } from './audit/events.ts';
import { accessRuleRoutes } from './identities/accessrules.ts';
import { aliasRoutes } from './identities/aliases.ts';
import { assignmentRoutes } from './identities/assignments.ts';
import { effectiveRoutes } from './identities/effective.ts';
import { identityRoutes } from './identities/identities.ts';
import { maskRoutes } from './identities/masks.ts';
import { identityMoveRoutes } from './identities/moves.ts';
import { subjectGrantRoutes } from './identities/subjectgrants.ts';
import { trustRoutes } from './identities/trust.ts';
import { useGrantRoutes } from './identities/usegrants.ts';
import { identityUseRoutes } from './identities/uses.ts';
import { issuingRoutes } from './issuing/issuing.ts';
import { jobRoutes } from './jobs/jobs.ts';
import { mayActRoutes } from './machines/mayact.ts';
import { serviceAccountRoutes } from './machines/serviceaccounts.ts';
import { trustRuleRoutes } from './machines/trustrules.ts';
import { namespaceRoutes } from './namespaces/namespaces.ts';
import { quotaRoutes } from './namespaces/quotas.ts';
import { settingsRoutes } from './namespaces/settings.ts';
import { invitationRoutes } from './people/invitations.ts';
import { meRoutes } from './people/me.ts';
import { membershipRoutes } from './people/memberships.ts';
import { operatorRoutes } from './people/operators.ts';
import { teamRoutes } from './people/teams.ts';
import { userRoutes } from './people/users.ts';

/** All routes below `/api/v1`. */
export const routes: readonly Route[] = [
  ...issuingRoutes,
  ...namespaceRoutes,
  ...assignmentRoutes,
  ...meRoutes,
  ...userRoutes,
  ...serviceAccountRoutes,
  ...mayActRoutes,
  ...membershipRoutes,
  ...trustRuleRoutes,
  ...invitationRoutes,
  ...identityRoutes,
  ...trustRoutes,
  ...useGrantRoutes,
  ...subjectGrantRoutes,
  ...accessRuleRoutes,
  ...settingsRoutes,
  ...identityUseRoutes,
  ...identityMoveRoutes,
  ...aliasRoutes,
  ...maskRoutes,
  ...effectiveRoutes,
  ...teamRoutes,
  ...jobRoutes,
  ...auditRoutes,
  ...operatorRoutes,
  ...quotaRoutes,
];
