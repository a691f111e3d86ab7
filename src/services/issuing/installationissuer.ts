import { ArsiaError } from '../../core/errors.ts';
import type { Queries } from '../../database/connections.ts';
import { countIdentities, findIssuer, insertIssuer, replaceIssuer } from '../../store/issuing/issuer.ts';
import type { Action, Place } from '../pipeline/action.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { findInstallation } from '../pipeline/places.ts';
import { systemCall } from '../pipeline/records.ts';

export interface IssuerChange {
  from: string;
  to: string;
}

/** What a change of the issuer breaks. */
export interface IssuerUses {
  /** Managed identities of all organisations, whose trust documents name the former issuer. */
  identities: number;
}

/** For operators: `arsia server issuer`. */
export interface InstallationIssuer {
  /** Throws `conflict` where the issuer is not `from`. */
  change(change: IssuerChange): Promise<IssuerUses>;
}

export function createInstallationIssuer(pipeline: Pipeline): InstallationIssuer {
  return { change: (change) => pipeline.perform(changeIssuer, systemCall, change) };
}

/**
 * Stores the issuer at the first start. Throws `conflict` at a later start with another one: its tokens would be refused by every
 * cloud that trusts the stored one.
 */
export async function keepIssuer(db: Queries, issuer: string): Promise<void> {
  if ((await findIssuer(db)) === undefined) await insertIssuer(db, issuer);
  const conflict = await findIssuerConflict(db, issuer);
  if (conflict !== undefined) throw conflict;
}

/** Returns the refusal of a start with this issuer; undefined where it may start. */
export async function findIssuerConflict(db: Queries, issuer: string): Promise<ArsiaError | undefined> {
  const kept = await findIssuer(db);
  return kept === undefined || kept === issuer ? undefined : buildConflict(kept, issuer);
}

const changeIssuer: Action<IssuerChange, Place, IssuerUses> = {
  name: 'issuer.change',
  needs: 'operator',
  changes: true,
  find: findInstallation,
  async run({ db }, { from, to }) {
    if (!(await replaceIssuer(db, from, to))) throw buildConflict((await findIssuer(db)) ?? 'unknown', from);
    return { identities: await countIdentities(db) };
  },
  describe: ({ from, to }, _place, { identities }) => ({ detail: { from, to, identities } }),
};

function buildConflict(kept: string, other: string): ArsiaError {
  return new ArsiaError('conflict', `The issuer of this installation is ${kept}, and not ${other}.`, {
    advice: `Set ARSIA_ISSUER=${kept}. To change the issuer, run \`arsia server issuer change --from ${kept} --to ${other}\`: every trust document that names ${kept} stops working.`,
  });
}
