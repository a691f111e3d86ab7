import { routes } from '../src/http/api/routes.ts';
import { listActionTraits } from '../src/services/actions.ts';
import type { EndpointEvent } from '../src/services/issuing/endpointevent.ts';

/** Actions of the authorization server and of sign-in. The compiler requires a row for each. */
const ofOAuth: Readonly<Record<EndpointEvent['action'], string>> = {
  'access_token.issue': 'an access token was issued or refused at `/oauth2/token`',
  'access_token.introspect': 'a refused introspection',
  'access_token.revoke': 'an access or refresh token was revoked',
  'token.mint': 'a workload token was issued or refused, at `/oauth2/token` or `/api/v1/tokens`',
  'outside_token.exchange': 'a token of an outside issuer was exchanged for an access token, or refused',
  'user.sign_in': 'a person signed in, or was refused',
  'authorization.request': 'a refused request to `/oauth2/authorize`',
  'device.request': 'a refused request for a device code',
  'device.approve': 'a person approved or refused a device code',
  'session.end': 'a person signed out of the browser session',
  'userinfo.read': 'a refused request to `/oauth2/userinfo`',
  'metadata.read': 'a refused request for metadata or keys',
};

/** Actions of the server and its commands, and of the pipeline itself. */
const ofServer: Readonly<Record<string, string>> = {
  'caller.authenticate': 'a request with a token that is not valid',
  'membership.list_of_principal': 'a refused `GET /memberships?principal`',
  'invitation.decline': 'a person declined an invitation at sign-in',
  'user_tie.decline': 'a person declined a tie at sign-in',
  'job.expire': 'the server ended a job that was past its deadline or without heartbeat',
  'name.list': 'the names for an answer could not be read',
  'key.rotate': '`arsia server keys rotate`, or the rotation after 30 days',
  'key.revoke': '`arsia server keys revoke`',
  'issuer.change': '`arsia server issuer change`',
  'audience.free': '`arsia server audiences free`',
  'organization.bootstrap': '`arsia server bootstrap`',
  'organization.create': 'an operator created an organisation',
  'organization.recover': '`arsia server admin recover`',
  'admin_link.create': '`arsia server admin link`',
  'operator.dismiss': '`arsia server admin dismiss`',
};

interface Row {
  action: string;
  meaning: string;
  /** Only refusals are recorded. */
  isRead: boolean;
}

/** Returns the actions of the routes, with the summary of the first route of each. */
function listApiActions(): Row[] {
  const traits = listActionTraits();
  const first = new Map(routes.toReversed().map((route) => [route.action, route]));
  return [...first.values()]
    .filter(({ action }) => !(action in ofOAuth))
    .map(({ action, method, path, summary }) => ({
      action,
      meaning: `\`${method} ${path.replace(/:(\w+)/g, '{$1}')}\`: ${lowerFirst(summary)}`,
      isRead: traits.get(action)?.changes === false,
    }))
    .sort(byAction);
}

/** Returns all actions of the page, by name. */
export function listAuditActions(): string[] {
  const ofApi = listApiActions().map(({ action }) => action);
  return [...ofApi, ...Object.keys(ofOAuth), ...Object.keys(ofServer)].sort();
}

/** Returns docs/audit-actions.md. */
export function actionsPage(): string {
  const rows = listApiActions();
  return `# Audit actions

This page is generated from the actions and routes: change \`scripts/auditactions.ts\` or the summary of a route, then run
\`npm run reference\`.

Each audit event has an \`action\`. Filter by it with \`GET /api/v1/audit-events?action=job.start\`. A change leaves one event, whether it succeeded
(\`outcome\` \`success\`), was refused (\`refused\`, with the error \`code\`) or failed (\`failed\`). A read leaves an event only when it is refused.
The deletion or merge of a user also leaves a \`job.end\` for each job that ends with the user; its \`parent_id\` names the first event.

## Changes

${tableOf(rows.filter(({ isRead }) => !isRead))}
## Reads (only refusals are recorded)

${tableOf(rows.filter(({ isRead }) => isRead))}
## Sign-in and \`/oauth2\`

${tableOf(rowsOf(ofOAuth))}
## The server and its commands

${tableOf(rowsOf(ofServer))}`;
}

function rowsOf(table: Readonly<Record<string, string>>): Row[] {
  return Object.entries(table)
    .map(([action, meaning]) => ({ action, meaning, isRead: false }))
    .sort(byAction);
}

function tableOf(rows: readonly Row[]): string {
  return `| Action | Event |\n|---|---|\n${rows.map(({ action, meaning }) => `| \`${action}\` | ${meaning} |\n`).join('')}`;
}

function byAction(a: Row, b: Row): number {
  return a.action < b.action ? -1 : 1;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
