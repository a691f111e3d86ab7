import { changeMayAct, createMayAct, listRightsToAct, removeMayAct } from './mayact.ts';
import { removeServiceAccount } from './removal.ts';
import { createSecret, listSecretsOfAccount, removeSecret } from './secrets.ts';
import {
  changeServiceAccount,
  createServiceAccount,
  getServiceAccount,
  listAllServiceAccounts,
} from './serviceaccounts.ts';
import { createTrustRuleActions } from './trustrules.ts';

export function createMachineActions(parts: {
  issuer: string;
  /** For development: issuers on loopback can be trusted. */
  allowLoopbackIssuers: boolean;
}) {
  return {
    serviceAccounts: {
      create: createServiceAccount,
      get: getServiceAccount,
      list: listAllServiceAccounts,
      update: changeServiceAccount,
      remove: removeServiceAccount,
      createSecret,
      listSecrets: listSecretsOfAccount,
      removeSecret,
    },
    mayAct: { create: createMayAct, list: listRightsToAct, update: changeMayAct, remove: removeMayAct },
    trustRules: createTrustRuleActions({
      own: [parts.issuer, `${parts.issuer}/oauth2`],
      allowLoopback: parts.allowLoopbackIssuers,
    }),
  };
}
