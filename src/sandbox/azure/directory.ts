import type { Clock } from '../../core/clock.ts';
import { evaluate } from '../../providers/azure/evaluate.ts';
import { parseObject } from '../form.ts';
import { createUuid } from '../issued.ts';
import { isIssuerUrl } from '../issuer.ts';
import { judge } from '../judge.ts';
import { Refusal } from '../refusal.ts';

/** A federated identity credential: the document as pasted, and its members. */
export interface FederatedCredential {
  document: string;
  name: string;
  issuer: string;
  subject: string;
}

export interface Application {
  tenant: string;
  client_id: string;
  /** The object id of the service principal: `oid` and `sub` of its access tokens. */
  object_id: string;
  credentials: FederatedCredential[];
}

/** The tenants of this sandbox. Ids are compared case-insensitively, as GUIDs are. */
export interface Directory {
  createApplication(input: { tenant: string; client_id: string }): void;
  /** `document` is `{name, issuer, subject, audiences, description?}` as JSON text (cloud-facts.md 2.1). */
  createFederatedCredential(input: { tenant: string; client_id: string; document: string }): void;
  hasTenant(tenant: string): boolean;
  findApplication(tenant: string, clientId: string): Application | undefined;
}

const maximumCredentials = 20;
const maximumText = 600;
const members = ['name', 'issuer', 'subject', 'audiences', 'description'];

export function makeDirectory(clock: Clock): Directory {
  const tenants = new Map<string, Map<string, Application>>();
  const find = (tenant: string, clientId: string) => tenants.get(tenant.toLowerCase())?.get(clientId.toLowerCase());

  return {
    createApplication({ tenant, client_id }) {
      if (find(tenant, client_id))
        throw new Refusal(409, 'ObjectConflict', `The application ${client_id} already exists.`);
      const applications = tenants.get(tenant.toLowerCase()) ?? new Map<string, Application>();
      applications.set(client_id.toLowerCase(), { tenant, client_id, object_id: createUuid(clock), credentials: [] });
      tenants.set(tenant.toLowerCase(), applications);
    },
    createFederatedCredential({ tenant, client_id, document }) {
      const application = find(tenant, client_id);
      if (!application)
        throw new Refusal(404, 'Request_ResourceNotFound', `There is no application ${client_id} in ${tenant}.`);
      application.credentials.push(readCredential(document, application.credentials));
    },
    hasTenant: (tenant) => tenants.has(tenant.toLowerCase()),
    findApplication: find,
  };
}

/** Reads a credential with the checks that Entra makes when one is created. A wrong subject is found only at the exchange. */
function readCredential(document: string, existing: readonly FederatedCredential[]): FederatedCredential {
  const { name, issuer, subject, audiences, description, ...rest } = parseObject(document) ?? {};
  if (Object.keys(rest).length > 0)
    throw createBadRequest(`The members are ${members.join(', ')}, not ${Object.keys(rest)}.`);
  if (typeof name !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$/.test(name))
    throw createBadRequest(`Federated Identity Credential name '${name}' is invalid.`);
  if (!Array.isArray(audiences) || audiences.length !== 1 || !isText(audiences[0]))
    throw createBadRequest('Federated identity credentials must have exactly one audience.');
  if (!isText(issuer) || !isIssuerUrl(issuer))
    throw createBadRequest('The issuer must be an https URL without a query.');
  if (!isText(subject)) throw createBadRequest(`The subject must have 1 to ${maximumText} characters.`);
  if (description !== undefined && (typeof description !== 'string' || description.length > maximumText))
    throw createBadRequest(`The description can have up to ${maximumText} characters.`);
  if (existing.length >= maximumCredentials)
    throw createBadRequest(`An application can have up to ${maximumCredentials} federated identity credentials.`);
  if (existing.some((one) => one.name === name))
    throw new Refusal(409, 'ObjectConflict', `A federated identity credential named ${name} already exists.`);
  if (existing.some((one) => one.issuer === issuer && one.subject === subject))
    throw createBadRequest('Issuer and subject combination already exists for this application.');
  judge(() => evaluate(document, {}), createBadRequest);
  return { document, name, issuer, subject };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length >= 1 && value.length <= maximumText;
}

function createBadRequest(message: string): Refusal {
  return new Refusal(400, 'Request_BadRequest', message);
}
