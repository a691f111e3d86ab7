import { expect, test } from '@jest/globals';
import { gcp } from '../../../src/providers/gcp/index.ts';
import { sampleSettings, trustFacts } from '../samples.ts';

const commandsOf = (more: Record<string, unknown> = {}) =>
  gcp
    .federated!.trust(sampleSettings(gcp as never, more) as never, trustFacts())
    .documents.find(({ name }) => name === 'gcloud')!
    .text.replaceAll(' \\\n ', '');

const pool = 'projects/123456789012/locations/global/workloadIdentityPools/arsia-pool';

test('gcloud commands name the pool and the provider whole: gcloud 528 refuses a project by number', () => {
  const commands = commandsOf().split('\n');
  expect(commands).toContain(`gcloud iam workload-identity-pools create ${pool}`);
  expect(commands.find((line) => line.includes('create-oidc'))).toMatch(
    new RegExp(`^gcloud iam workload-identity-pools providers create-oidc ${pool}/providers/arsia --issuer-uri https:`),
  );
  expect(commands.join('\n')).not.toMatch(/--project \d|--location|--workload-identity-pool /);
});

test.each([
  ['deploy@acme-prod.iam.gserviceaccount.com', 'acme-prod'],
  ['deploy@acme-prod.example.com.iam.gserviceaccount.com', 'example.com:acme-prod'],
  ['acme-prod@appspot.gserviceaccount.com', 'acme-prod'],
  ['123456789012-compute@developer.gserviceaccount.com', '"$PROJECT_ID"'],
])('the binding for %s names its project %s, and no condition', (service_account, project) => {
  const binding = commandsOf({ service_account })
    .split('\n')
    .find((line) => line.includes('add-iam-policy-binding'));
  expect(binding).toContain(`${service_account} --project ${project} --role roles/iam.workloadIdentityUser `);
  expect(binding).toMatch(/ --condition None$/);
});
