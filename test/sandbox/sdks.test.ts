import { Agent, request as httpsRequest } from 'node:https';
import { AssumeRoleWithWebIdentityCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { ConfidentialClientApplication, type INetworkModule } from '@azure/msal-node';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { IdentityPoolClient } from 'google-auth-library';
import { decodeJwt } from 'jose';
import {
  account,
  azureAudience,
  type Bench,
  clientId,
  googleAudience,
  pasteAws,
  pasteAzure,
  pasteGoogle,
  roleArn,
  serviceAccount,
  startBench,
  tenant,
} from './clouds.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
  pasteAws(bench);
  pasteAzure(bench);
  pasteGoogle(bench);
});
afterAll(() => bench.close());

describe('@aws-sdk/client-sts', () => {
  const client = (credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken: string }) =>
    new STSClient({
      region: 'eu-central-1',
      endpoint: bench.sandbox.aws.endpoint,
      ...(credentials && { credentials }),
    });
  const assume = async (claims: Record<string, unknown> = {}) =>
    client().send(
      new AssumeRoleWithWebIdentityCommand({
        RoleArn: roleArn,
        RoleSessionName: 'ada',
        WebIdentityToken: await bench.issuer.token(claims),
        DurationSeconds: 900,
      }),
    );

  test('assumes the role, and GetCallerIdentity returns its session', async () => {
    const { Credentials, AssumedRoleUser } = await assume();
    expect(Credentials!.Expiration!.toISOString()).toBe('2026-11-21T00:15:00.000Z');
    const identity = await client({
      accessKeyId: Credentials!.AccessKeyId!,
      secretAccessKey: Credentials!.SecretAccessKey!,
      sessionToken: Credentials!.SessionToken!,
    }).send(new GetCallerIdentityCommand({}));
    expect(identity).toMatchObject({
      Arn: `arn:aws:sts::${account}:assumed-role/reader/ada`,
      UserId: AssumedRoleUser!.AssumedRoleId,
      Account: account,
    });
  });

  test('sees the refusals as its own errors', async () => {
    await expect(assume({ sub: 'job-8' })).rejects.toMatchObject({
      name: 'AccessDenied',
      message: 'Not authorized to perform sts:AssumeRoleWithWebIdentity',
      $metadata: { httpStatusCode: 403, attempts: 1 },
    });
    await expect(assume({ aud: 'b' })).rejects.toMatchObject({
      name: 'InvalidIdentityTokenException',
      $metadata: { httpStatusCode: 400, attempts: 1 },
    });
    await expect(assume({ exp: 1 })).rejects.toMatchObject({ name: 'ExpiredTokenException' });
  });
});

describe('@azure/msal-node', () => {
  const acquire = async (claims: Record<string, unknown> = {}) => {
    const { azure, ca } = bench.sandbox;
    const clientAssertion = await bench.issuer.token({ aud: azureAudience, ...claims });
    return new ConfidentialClientApplication({
      auth: {
        clientId,
        authority: `${azure.authority_host}/${tenant}`,
        knownAuthorities: [new URL(azure.authority_host).host],
        clientAssertion,
      },
      system: { networkClient: networkClient(ca) },
    }).acquireTokenByClientCredential({ scopes: ['https://storage.azure.com/.default'] });
  };

  test('acquires a token of the application', async () => {
    const result = await acquire();
    expect(decodeJwt(result!.accessToken)).toMatchObject({
      appid: clientId,
      tid: tenant,
      aud: 'https://storage.azure.com',
    });
  });

  test('sees the AADSTS number and the status of a refusal', async () => {
    await expect(acquire({ sub: 'job-8' })).rejects.toMatchObject({
      errorCode: 'invalid_client',
      errorNo: 700213,
      status: 401,
    });
  });
});

describe('google-auth-library', () => {
  const client = (claims: Record<string, unknown>, isDirect: boolean) =>
    new IdentityPoolClient({
      type: 'external_account',
      audience: googleAudience,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${bench.sandbox.google.sts_endpoint}/v1/token`,
      ...(!isDirect && {
        service_account_impersonation_url: `${bench.sandbox.google.iam_endpoint}/v1/projects/-/serviceAccounts/${serviceAccount}:generateAccessToken`,
        service_account_impersonation: { token_lifetime_seconds: 900 },
      }),
      subject_token_supplier: {
        getSubjectToken: () => bench.issuer.token({ aud: googleAudience, team: 'cfd', ...claims }),
      },
    });

  async function owner(accessToken: string): Promise<string> {
    const url = `${bench.sandbox.google.sts_endpoint}/oauth2/v3/tokeninfo`;
    const response = await fetch(url, { headers: { authorization: `Bearer ${accessToken}` } });
    return ((await response.json()) as { sub: string }).sub;
  }

  test('gets a federated token, and one of the service account', async () => {
    const direct = await client({}, true).getAccessToken();
    expect(await owner(direct.token!)).toMatch(/^principal:.*\/subject\/job-7$/);
    const impersonated = await client({}, false).getAccessToken();
    expect(await owner(impersonated.token!)).toBe(serviceAccount);
  });

  test('sees the refusals', async () => {
    await expect(client({ team: 'qa' }, true).getAccessToken()).rejects.toThrow(
      'Error code unauthorized_client: The given credential is rejected by the attribute condition.',
    );
    await expect(client({ sub: 'job-8' }, false).getAccessToken()).rejects.toMatchObject({
      response: { status: 403, data: { error: { status: 'PERMISSION_DENIED' } } },
    });
  });
});

/** MSAL accepts a certificate authority only through an HTTP client of the caller. */
function networkClient(ca: string): INetworkModule {
  const agent = new Agent({ ca });
  function send<T>(method: string, url: string, options?: { headers?: Record<string, string>; body?: string }) {
    return new Promise<{ headers: Record<string, string>; body: T; status: number }>((resolve, reject) => {
      const call = httpsRequest(url, { method, agent, headers: options?.headers ?? {} }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const body = JSON.parse(Buffer.concat(chunks).toString()) as T;
          resolve({ headers: {}, body, status: response.statusCode ?? 0 });
        });
      });
      call.on('error', reject).end(options?.body);
    });
  }
  return {
    sendGetRequestAsync: (url, options) => send('GET', url, options),
    sendPostRequestAsync: (url, options) => send('POST', url, options),
  };
}
