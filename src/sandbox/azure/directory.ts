import type { Clock } from '../../core/clock.ts';
import { evaluate } from '../../providers/azure/evaluate.ts';
import { parseObject } from '../form.ts';
import { uuid } from '../issued.ts';
import { isIssuerUrl } from '../issuer.ts';
import { judge } from '../judge.ts';
import { Refusal } from '../refusal.ts';

/** A federated identity credential as it was pasted, and the issuer that it names. */
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

/** All tenants of this sandbox. Ids compare without regard to case, as GUIDs do. */
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
        throw new Refusal(409, 'ObjectConflict', `The application ${client_id} exists already.`);
      const applications = tenants.get(tenant.toLowerCase()) ?? new Map<string, Application>();
      applications.set(client_id.toLowerCase(), { tenant, client_id, object_id: uuid(clock), credentials: [] });
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

/** The checks that Entra makes when a credential is written. A wrong subject is not among them: it shows at the exchange. */
function readCredential(document: string, existing: readonly FederatedCredential[]): FederatedCredential {
  const { name, issuer, subject, audiences, description, ...rest } = parseObject(document) ?? {};
  if (Object.keys(rest).length > 0)
    throw badRequest(`The members are ${members.join(', ')}, not ${Object.keys(rest)}.`);
  if (typeof name !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$/.test(name))
    throw badRequest(`Federated Identity Credential name '${name}' is invalid.`);
  if (!Array.isArray(audiences) || audiences.length !== 1 || !isText(audiences[0]))
    throw badRequest('Federated identity credentials must have exactly one audience.');
  if (!isText(issuer) || !isIssuerUrl(issuer)) throw badRequest('The issuer must be an https URL without a query.');
  if (!isText(subject)) throw badRequest(`The subject must have 1 to ${maximumText} characters.`);
  if (description !== undefined && (typeof description !== 'string' || description.length > maximumText))
    throw badRequest(`The description takes up to ${maximumText} characters.`);
  if (existing.length >= maximumCredentials)
    throw badRequest(`An application takes up to ${maximumCredentials} federated identity credentials.`);
  if (existing.some((one) => one.name === name))
    throw new Refusal(409, 'ObjectConflict', `A federated identity credential named ${name} exists already.`);
  if (existing.some((one) => one.issuer === issuer && one.subject === subject))
    throw badRequest('Issuer and subject combination already exists for this application.');
  judge(() => evaluate(document, {}), badRequest);
  return { document, name, issuer, subject };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length >= 1 && value.length <= maximumText;
}

function badRequest(message: string): Refusal {
  return new Refusal(400, 'Request_BadRequest', message);
}
