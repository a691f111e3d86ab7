/** A plain client of the HTTP API, as a pipeline platform or the script of an admin has. */
export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

export interface Client {
  /** Sends a request; throws unless it succeeds. */
  send(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  /** Sends a request; returns the answer of any status. */
  ask(method: string, path: string, body?: object): Promise<Answer>;
}

export function createClient(issuer: string, token: string): Client {
  async function ask(method: string, path: string, body?: object): Promise<Answer> {
    const answer = await fetch(`${issuer}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
  }
  return {
    ask,
    async send(method, path, body) {
      const answer = await ask(method, path, body);
      if (answer.status >= 400)
        throw new Error(
          `${method} ${path}: ${answer.status} ${String(answer.body.detail)} ${JSON.stringify(answer.body.errors ?? '')}`,
        );
      return answer.body;
    },
  };
}

/** Gets an access token of a service account by client credentials (RFC 6749 4.4). */
export async function clientCredentials(issuer: string, client_id: string, client_secret: string): Promise<string> {
  const answer = await fetch(`${issuer}/oauth2/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  const body = (await answer.json()) as { access_token?: string; error_description?: string };
  if (body.access_token === undefined) throw new Error(`client credentials were refused: ${body.error_description}`);
  return body.access_token;
}
