import type { RequestListener } from 'node:http';
import { createApp } from '../../http/app.ts';
import { discoveryDocument } from '../../http/documents/discovery.ts';
import { createCursors } from '../../http/kernel/cursors.ts';
import { createCredentialCheck } from '../../services/machines/livecredentials.ts';
import { createCallers } from '../../services/pipeline/callers.ts';
import type { Config } from '../config/config.ts';
import type { Actions } from './actions.ts';
import type { Issuing } from './issuing.ts';
import type { People } from './people.ts';
import type { Stored, Surroundings } from './stored.ts';

interface HttpParts {
  stored: Stored;
  issuing: Issuing;
  actions: Actions;
  people: People;
  /** Returns why the server is not ready; undefined when it is. */
  readiness(): Promise<string | undefined>;
}

/** Builds what answers requests. */
export function composeHttp(
  { issuer, limits }: Config,
  { stored, issuing, actions, people, readiness }: HttpParts,
  { clock, log }: Surroundings,
): RequestListener {
  const { database, artifacts, cursors, keys } = stored;
  const { audit } = stored.trail;
  const { reader, mint, exchange } = issuing;
  const { pipeline, idempotency, table } = actions;
  const { authorization, operators } = people;
  return createApp({
    issuer,
    log,
    authorization,
    callers: createCallers({ database, reader, artifacts, audit, clock }),
    cursors: createCursors(cursors.current),
    idempotency,
    api: { pipeline, actions: table, mint, exchange, operators },
    limits,
    checkCredential: createCredentialCheck({ database, clock }),
    discovery: discoveryDocument(issuer),
    jwks() {
      const { jwks, etag, maximum_age } = keys.workload.publication();
      return { body: jwks, etag, type: 'application/jwk-set+json', maximum_age };
    },
    readiness,
  });
}
