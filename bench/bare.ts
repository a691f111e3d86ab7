import { generateKeyPairSync, hash, randomBytes, randomUUID, sign } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { coalesce } from '../src/database/coalesce.ts';

/**
 * Peer (c): the minimal path of a recorded token: node:http, a shared read, an audit row in a shared INSERT, an RS256
 * signature. It has no authorisation, limits, linter or chain, and one index on its records. Arsia's speed relative to it
 * shows the cost of these; its speed relative to the bare oidc-provider shows the cost of a record.
 */
export interface BareReady {
  port: number;
  jobTokens: string[];
}

interface Job {
  hash: string;
  id: string;
  user_id: string;
  workspace_id: string;
  identity_id: string;
}

const jobs = 64;
const pool = new pg.Pool({ connectionString: process.env.BARE_DATABASE_URL, max: 2 });
// The database is stopped first when the bench ends.
pool.on('error', () => process.exit());

const idOf = (prefix: string, index = 0) => `${prefix}_${String(index).padStart(26, '0')}`;
const hashOf = (token: string) => hash('sha256', token, 'hex');
const base64url = (text: string) => Buffer.from(text).toString('base64url');

async function fill(): Promise<string[]> {
  await pool.query(`
    CREATE TABLE identities (id text PRIMARY KEY, workspace_id text NOT NULL UNIQUE);
    CREATE TABLE jobs (hash text PRIMARY KEY, id text NOT NULL, user_id text NOT NULL, workspace_id text NOT NULL);
    CREATE TABLE audit (id text PRIMARY KEY, at timestamptz NOT NULL, job_id text NOT NULL, detail jsonb NOT NULL);`);
  await pool.query('INSERT INTO identities VALUES ($1, $2)', [idOf('mi'), idOf('ws')]);
  const tokens = Array.from({ length: jobs }, () => `arsia_job_${randomBytes(32).toString('base64url')}`);
  for (const [index, token] of tokens.entries())
    await pool.query('INSERT INTO jobs VALUES ($1, $2, $3, $4)', [
      hashOf(token),
      idOf('job', index),
      idOf('usr'),
      idOf('ws'),
    ]);
  return tokens;
}

const findJob = coalesce<string, Job>(
  async (hashes) => {
    const { rows } = await pool.query<Job>({
      name: 'jobs',
      text: `SELECT jobs.*, identities.id AS identity_id FROM jobs JOIN identities USING (workspace_id)
        WHERE hash = ANY ($1)`,
      values: [hashes],
    });
    const found = new Map(rows.map((row) => [row.hash, row]));
    return hashes.map((one) => found.get(one)!);
  },
  { maximumBatch: 500, concurrency: 1 },
);

interface Event {
  id: string;
  job_id: string;
  detail: object;
}

const record = coalesce<Event, void>(
  async (events) => {
    const at = new Date();
    await pool.query({
      name: 'record',
      text: 'INSERT INTO audit SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::jsonb[])',
      values: [
        events.map((event) => event.id),
        events.map(() => at),
        events.map((event) => event.job_id),
        events.map((event) => JSON.stringify(event.detail)),
      ],
    });
    return events.map(() => undefined);
  },
  { maximumBatch: 500, concurrency: 1 },
);

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const header = base64url(JSON.stringify({ alg: 'RS256', typ: 'JWT', kid: 'bare' }));
const jwks = JSON.stringify({
  keys: [{ ...publicKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'bare' }],
});

function signed(input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    sign('sha256', Buffer.from(input), privateKey, (error, signature) =>
      error ? reject(error) : resolve(`${input}.${signature.toString('base64url')}`),
    );
  });
}

function bodyOf(request: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => resolve(Buffer.concat(chunks).toString()));
  });
}

/** Issues a token with the claims of contract.md, so that signing and recording have realistic lengths. */
async function mint(issuer: string, request: IncomingMessage): Promise<object> {
  const { managed_identity } = JSON.parse(await bodyOf(request)) as { managed_identity: string };
  const job = await findJob(hashOf(request.headers.authorization!.slice('Bearer '.length)));
  const [now, jti] = [Math.floor(Date.now() / 1000) - 5, randomUUID()];
  const { id: job_id, user_id, workspace_id, identity_id } = job;
  const claims = {
    ...{ iss: issuer, aud: 'aws', iat: now, nbf: now, exp: now + 600, jti, sub: `${identity_id}:${workspace_id}` },
    ...{ identity_id, identity: managed_identity, workspace_id, workspace: 'acme/research/simulation' },
    ...{ group_id: idOf('grp'), group: 'acme/research', organization_id: idOf('grp', 1), organization: 'acme' },
    ...{ user_id, user: 'ada@acme.example', job_id, stage: 'run', launcher_id: idOf('sa'), launcher: 'acme/launcher' },
    'https://aws.amazon.com/roles': ['arn:aws:iam::111122223333:role/simulation'],
  };
  const input = `${header}.${base64url(JSON.stringify(claims))}`;
  await record({ id: jti, job_id, detail: { claims, signing_input_sha256: hashOf(input) } });
  const expires_at = new Date(claims.exp * 1000).toISOString();
  return { token: await signed(input), subject: claims.sub, audience: claims.aud, jti, expires_at };
}

const jobTokens = await fill();
const server = createServer(async (request, response) => {
  const text = request.method === 'GET' ? jwks : JSON.stringify(await mint(issuer, request));
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
});
let issuer: string;
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  issuer = `http://127.0.0.1:${port}`;
  process.send!({ port, jobTokens } satisfies BareReady);
});
// The parent process has ended.
process.on('disconnect', () => process.exit());
