/** A response of Arsia. The test asserts the shape of a JSON body. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  body: Body;
}

// biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what the test asserts
export type Body = Record<string, any>;

export interface Client {
  issuer: string;
  token: string | undefined;
  /** Sends a request and throws unless the response is a success. `path` is below `/api/v1`. */
  send(method: string, path: string, body?: object): Promise<Body>;
  /** Sends a request and returns any response. */
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}

/** Creates a client of the API. Without a token it is anonymous. */
export function createClient(issuer: string, token?: string): Client {
  const ask: Client['ask'] = (method, path, body, headers = {}) =>
    request(`${issuer}/api/v1${path}`, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  return {
    issuer,
    token,
    ask,
    async send(method, path, body) {
      const answer = await ask(method, path, body);
      if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
      return answer.body;
    },
  };
}

export async function request(url: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  const isJson = text !== '' && /[/+]json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : {} };
}

/** Posts a form to an endpoint of the authorization server such as `/token`. */
export function postForm(
  issuer: string,
  endpoint: string,
  form: Record<string, string> | URLSearchParams,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return request(`${issuer}/oauth2${endpoint}`, { method: 'POST', body: new URLSearchParams(form), headers });
}

/** Exchanges a job token for a workload token (RFC 8693) as the public client of jobs. */
export function exchangeToken(
  issuer: string,
  subject_token: string,
  audience: string,
  more: Record<string, string> = {},
): Promise<Answer> {
  return postForm(issuer, '/token', {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    client_id: 'workload',
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token,
    audience,
    ...more,
  });
}

/** Creates a client of a service account that signs in by client credentials with its secret. */
export async function signIn(issuer: string, client_id: string, client_secret: string): Promise<Client> {
  const answer = await postForm(issuer, '/token', { grant_type: 'client_credentials', client_id, client_secret });
  if (answer.status !== 200) throw new Error(`client credentials: ${answer.status} ${answer.text}`);
  return createClient(issuer, answer.body.access_token);
}

/** Encodes a path for URLs. */
export const encoded = encodeURIComponent;
