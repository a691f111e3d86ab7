import { listActionTraits } from './actions.ts';
import type { EndpointEvent } from './issuing/endpointevent.ts';

/** Requires every action of the authorization server. */
const endpointActions = Object.keys({
  'access_token.issue': 0,
  'access_token.introspect': 0,
  'access_token.revoke': 0,
  'token.mint': 0,
  'outside_token.exchange': 0,
  'user.sign_in': 0,
  'authorization.request': 0,
  'device.request': 0,
  'device.approve': 0,
  'session.end': 0,
  'userinfo.read': 0,
  'metadata.read': 0,
} satisfies Record<EndpointEvent['action'], unknown>);

/** Actions of the server itself, of its commands, and of requests that perform no action of the table. */
const furtherActions = [
  'admin_link.create',
  'admin_link.redeem',
  'audience.free',
  'caller.authenticate',
  'credentials.exchange',
  'invitation.decline',
  'issuer.change',
  'job.expire',
  'key.revoke',
  'key.rotate',
  'operator.dismiss',
  'organization.bootstrap',
  'organization.recover',
  'owner_link.create',
  'user_identity.detach',
  'user_tie.decline',
];

/** The names of all actions that the audit records, sorted. */
export const actionNames: readonly string[] = [
  ...new Set([...listActionTraits().keys(), ...endpointActions, ...furtherActions]),
].sort();
