import { type Issuer, startIssuer } from '../sandbox/issuer.ts';
import { atEnd, type TestClock } from './arsia.ts';
import { type Answer, type Body, type Client, postForm } from './client.ts';

/** Outside issuers, whose tokens have the claims of real issuers. */
export async function startOutsideIssuer(clock: TestClock, path = ''): Promise<Issuer> {
  const issuer = await startIssuer(clock, path);
  await issuer.addKey('key-1');
  atEnd(() => issuer.close());
  return issuer;
}

let made = 0;
const unique = () => `00000000-0000-4000-8000-${String(++made).padStart(12, '0')}`;

/** Claims of GitHub Actions: flat, all of them strings. */
export function actionToken(issuer: Issuer, audience: string, claims: Body = {}): Promise<string> {
  return issuer.token({
    jti: unique(),
    sub: 'repo:acme/app:ref:refs/heads/main',
    aud: audience,
    ref: 'refs/heads/main',
    ref_protected: 'true',
    sha: '7fd1a60b01f91b314f59955a4e4d4e80d8edf11d',
    repository: 'acme/app',
    repository_id: '815',
    repository_owner: 'acme',
    repository_owner_id: '4711',
    run_id: '9000000001',
    run_attempt: '1',
    actor: 'ada',
    workflow: 'simulate',
    event_name: 'push',
    ref_type: 'branch',
    environment: 'production',
    job_workflow_ref: 'acme/app/.github/workflows/simulate.yml@refs/heads/main',
    runner_environment: 'github-hosted',
    ...claims,
  });
}

/** A token of a Kubernetes cluster: no `typ`, the audience in an array, nested claims. */
export function podToken(issuer: Issuer, audience: string, claims: Body = {}): Promise<string> {
  return issuer.token(
    {
      jti: unique(),
      sub: 'system:serviceaccount:simulations:runner',
      aud: [audience],
      'kubernetes.io': {
        namespace: 'simulations',
        node: { name: 'node-1', uid: '2b1f' },
        pod: { name: 'runner-0', uid: '3c2a' },
        serviceaccount: { name: 'runner', uid: '4d3b' },
      },
      ...claims,
    },
    { header: { typ: undefined } },
  );
}

/** Exchanges a token of an outside issuer for an access token of a service account (RFC 8693). */
export function exchangeOutside(
  issuer: string,
  subject_token: string,
  audience: string,
  more: Body = {},
): Promise<Answer> {
  return postForm(issuer, '/token', {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    client_id: 'workload',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    subject_token,
    audience,
    ...more,
  });
}

/** Creates a trust rule of a service account. */
export function addTrustRule(owner: Client, account: string, rule: Body): Promise<Body> {
  return owner.send('POST', `/service-accounts/${account}/trust-rules`, rule);
}
