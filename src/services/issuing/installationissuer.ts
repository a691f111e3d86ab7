import { ArsiaError } from '../../core/errors.ts';
import type { Queries } from '../../database/connections.ts';
import { listOtherProcesses } from '../../database/sessions.ts';
import { countIdentities, findIssuer, insertIssuer, replaceIssuer } from '../../store/issuing/issuer.ts';
import type { Action, Place } from '../pipeline/action.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { findInstallation } from '../pipeline/places.ts';
import { systemCall } from '../pipeline/records.ts';

export interface IssuerChange {
  from: string;
  to: string;
  /** Whether to change it although servers run. Each of them ends within 10 s. */
  force: boolean;
}

/** What a change of the issuer breaks. */
export interface IssuerUses {
  /** Managed identities of all organisations, whose trust documents name the former issuer. */
  identities: number;
}

/** For operators: `arsia server issuer`. */
export interface InstallationIssuer {
  /** Throws `conflict` where the issuer is not `from`, or while servers run. */
  change(change: IssuerChange): Promise<IssuerUses>;
}

export function createInstallationIssuer(pipeline: Pipeline): InstallationIssuer {
  return { change: (change) => pipeline.perform(changeIssuer, systemCall, change) };
}

/** Stores the issuer of the first server. Does nothing at a later start. */
export async function storeFirstIssuer(db: Queries, issuer: string): Promise<void> {
  if ((await findIssuer(db)) === undefined) await insertIssuer(db, issuer);
}

/** Throws `conflict` where another issuer is stored: every cloud that trusts the stored one would refuse the tokens of this one. */
export async function verifyIssuer(db: Queries, issuer: string): Promise<void> {
  const conflict = await findIssuerConflict(db, issuer);
  if (conflict !== undefined) throw conflict;
}

/** Returns why no server may run with this issuer; undefined where it may. */
export async function findIssuerConflict(db: Queries, issuer: string): Promise<ArsiaError | undefined> {
  const kept = await findIssuer(db);
  return kept === undefined || kept === issuer ? undefined : buildConflict(kept, issuer);
}

const changeIssuer: Action<IssuerChange, Place, IssuerUses> = {
  name: 'issuer.change',
  needs: 'operator',
  changes: true,
  find: async (_context, { from, to, force }) => ({ ...(await findInstallation()), recorded: { from, to, force } }),
  async run({ db }, { from, to, force }) {
    if (!(await replaceIssuer(db, from, to))) {
      const kept = await findIssuer(db);
      throw kept === undefined ? buildMissing(to) : buildConflict(kept, from);
    }
    const processes = force ? [] : await listOtherProcesses(db);
    if (processes.length > 0) throw buildRunning(processes);
    return { identities: await countIdentities(db) };
  },
  describe: (_change, _place, { identities }) => ({ detail: { identities } }),
};

function buildMissing(to: string): ArsiaError {
  return new ArsiaError('conflict', 'No server has started on this database yet, so there is no issuer to change.', {
    advice: `Start the server with ARSIA_ISSUER=${to}.`,
  });
}

function buildRunning(processes: string[]): ArsiaError {
  return new ArsiaError(
    'conflict',
    `Other processes have this database open, and would go on with the former issuer: ${processes.join(', ')}.`,
    {
      advice:
        'Stop them and run the command again. If they have ended and a connection pooler keeps their connections, add --force: a server that runs nevertheless ends within 10 s.',
    },
  );
}

function buildConflict(kept: string, other: string): ArsiaError {
  return new ArsiaError('conflict', `The issuer of this installation is ${kept}, and not ${other}.`, {
    advice: `Set ARSIA_ISSUER=${kept}. To change the issuer, run \`arsia server issuer change --from ${kept} --to ${other}\`: every trust document that names ${kept} stops working.`,
  });
}
