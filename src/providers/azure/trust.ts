import { ArsiaError } from '../../core/errors.ts';
import {
  checkTrustFacts,
  deliveryWarnings,
  formatFields,
  issuerWarnings,
  scopeWarnings,
  shellCommand,
  shellWord,
} from '../facts.ts';
import type { Trust, TrustFacts } from '../provider.ts';
import { clouds } from './clouds.ts';
import type { AzureSettings } from './settings.ts';

const maximumDescription = 600;

/**
 * Returns a federated credential with issuer, subject and audience. Azure compares them byte for byte, so it needs one exact
 * subject. Throws `invalid_request` for a subject pattern.
 */
export function trust({ client_id, cloud }: AzureSettings, facts: TrustFacts): Trust {
  checkTrustFacts(facts);
  if (facts.is_subject_pattern)
    throw new ArsiaError(
      'invalid_request',
      'Azure compares the subject whole, and this one names every user: say which.',
      {
        advice: 'Add `?user=<id or login>`, once for each user who needs it, or use another subject_scope.',
        fields: [{ pointer: 'user', detail: 'is needed for an azure identity with a user in its subject' }],
      },
    );
  const { audience, portal } = clouds[cloud];
  const credential = {
    // Unique in the application and immutable, like the subject that it is derived from.
    name: `arsia-${facts.subject.replaceAll(':', '-')}`,
    issuer: facts.issuer,
    subject: facts.subject,
    audiences: [audience],
    description: describe(facts),
  };
  const fields = [
    { label: 'Federated credential scenario', value: 'Other issuer' },
    { label: 'Issuer', value: facts.issuer },
    { label: 'Type', value: 'Explicit subject identifier' },
    { label: 'Value', value: facts.subject },
    { label: 'Name', value: credential.name },
    { label: 'Description', value: credential.description },
    { label: 'Audience', value: audience },
  ];
  return {
    issuer: facts.issuer,
    subject: facts.subject,
    audience,
    documents: [
      {
        name: 'federated-credential',
        title: 'Federated identity credential',
        form: 'json',
        text: JSON.stringify(credential, null, 2),
        paste_into:
          'fic.json, for the command below, or POST to Microsoft Graph /applications/{id}/federatedIdentityCredentials',
      },
      {
        name: 'portal',
        title: 'The same as a form',
        form: 'fields',
        text: formatFields(fields),
        fields,
        paste_into: `${portal} > App registrations > ${client_id} > Certificates & secrets > Federated credentials > Add credential`,
      },
      {
        name: 'azure-cli',
        title: 'The same with the Azure command line',
        form: 'shell',
        text: commands(client_id, credential),
        paste_into: 'a terminal that is signed in with `az login`',
      },
    ],
    warnings: [
      ...issuerWarnings(facts.issuer, 'Entra', { port: false }),
      ...scopeWarnings(facts),
      ...deliveryWarnings(facts, 'the scope at Entra, of all that the application may have'),
      ...(facts.subject_scope === 'identity'
        ? []
        : ['An application or user-assigned identity holds at most 20 federated credentials, one for each subject.']),
      'A new credential needs some minutes to reach all of Entra. Until then AADSTS70021 and 700213 may occur.',
    ],
  };
}

function describe({ identity, workspace, user }: TrustFacts): string {
  const where = workspace === undefined ? '' : `, workspace ${workspace.path}`;
  const who = user === undefined ? '' : `, user ${user.login}`;
  return `Arsia: managed identity ${identity}${where}${who}`.slice(0, maximumDescription);
}

function commands(
  clientId: string,
  credential: { name: string; issuer: string; subject: string; audiences: string[] },
): string {
  return [
    '# An application, with the credential above saved as fic.json',
    `az ad app federated-credential create --id ${shellWord(clientId)} --parameters fic.json`,
    '# A user-assigned managed identity: set its name and resource group first',
    shellCommand('az identity federated-credential create --identity-name "$IDENTITY" --resource-group "$GROUP"', [
      ['--name', credential.name],
      ['--issuer', credential.issuer],
      ['--subject', credential.subject],
      ['--audiences', credential.audiences[0]!],
    ]),
  ].join('\n');
}
