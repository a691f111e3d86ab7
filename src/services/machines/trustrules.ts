import { canonicalJson } from '../../core/canonical.ts';
import type { FieldFault } from '../../core/errors.ts';
import { ArsiaError } from '../../core/errors.ts';
import { findTrustFaults, trustLimits } from '../../core/outsidetrust.ts';
import type { Page } from '../../database/page.ts';
import type { Created } from '../../entities/entity.ts';
import { trustRules } from '../../entities/trustrules.ts';
import { computeThumbprint, isUsable } from '../../signing/outside/keys.ts';
import type { ServiceAccount } from '../../store/machines/serviceaccounts.ts';
import {
  deleteTrustRule,
  findTrustRule,
  insertTrustRule,
  listTrustRules,
  type TrustRuleRow,
} from '../../store/machines/trustrules.ts';
import { readOrganizationSettings } from '../../store/namespaces/settings.ts';
import type { Action, Context } from '../pipeline/action.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';
import { type FoundAccount, resolveServiceAccount } from './serviceaccounts.ts';

interface FoundRule extends FoundAccount {
  rule: TrustRuleRow;
}

/** Creates the actions on trust rules, for owners. A rule cannot be changed: delete it and create another. */
export function createTrustRuleActions({ own, allowLoopback }: { own: readonly string[]; allowLoopback: boolean }) {
  const create: Action<Created<typeof trustRules> & { ref: string }, FoundAccount, TrustRuleRow> = {
    name: 'trust_rule.create',
    needs: 'service_account.manage',
    changes: true,
    adds: ['trust_rules_per_service_account'],
    find: (context, input) => resolveServiceAccount(context, input.ref),
    async run(context, { ref: _ref, conditions, ...terms }, { account }) {
      const { allowed_issuers: allowed } = await readOrganizationSettings(context.db, account.organization_id);
      const isFetched = terms.jwks === null;
      const fields = [
        ...findTrustFaults({ ...terms, conditions }, { own, allowed, allowLoopback, isFetched }),
        ...findKeyFaults(terms.jwks),
      ];
      if (fields.length > 0) throw new ArsiaError('invalid_request', 'The trust rule is not valid.', { fields });
      await refuseManyKeys(context, account, terms);
      await context.admit('trust_rules_per_service_account', account.organization_id, account);
      const row: TrustRuleRow = {
        id: context.newId('trust_rule'),
        service_account_id: account.id,
        organization_id: account.organization_id,
        ...terms,
        conditions: { all: conditions },
        created_at: new Date(context.now),
      };
      await insertTrustRule(context.db, row);
      return row;
    },
    describe: (_input, _found, row) => ({ detail: describeRule(row) }),
  };

  const list: Action<{ ref: string; page: Page }, FoundAccount, TrustRuleRow[]> = {
    name: 'trust_rule.list',
    needs: 'service_account.manage',
    changes: false,
    find: (context, input) => resolveServiceAccount(context, input.ref),
    run: (context, { page }, { account }) => listTrustRules(context.db, account.id, page),
  };

  const remove: Action<{ ref: string; id: string }, FoundRule, void> = {
    name: 'trust_rule.delete',
    needs: 'service_account.manage',
    changes: true,
    async find(context, input) {
      const found = await resolveServiceAccount(context, input.ref);
      await context.demand('service_account.manage', found);
      const rule = await findTrustRule(context.db, found.account.id, input.id);
      if (rule === undefined) throw buildNotFoundError('trust rule', input.id);
      return { ...found, rule };
    },
    async run(context, _input, { account, rule }) {
      await deleteTrustRule(context.db, account.id, rule.id);
    },
    describe: (_input, { rule }) => ({ detail: describeRule(rule) }),
  };

  return { create, list, remove };
}

/** Throws `conflict` where the rules of an account would have too many uploaded keys of an issuer. */
async function refuseManyKeys(
  { db }: Context,
  { id, name }: ServiceAccount,
  { issuer, jwks }: Pick<TrustRuleRow, 'issuer' | 'jwks'>,
): Promise<void> {
  if (jwks === null) return;
  const rules = (await listTrustRules(db, id)).filter((rule) => rule.issuer === issuer);
  const keys = new Set([{ jwks }, ...rules].flatMap((rule) => rule.jwks?.keys ?? []).map(canonicalJson));
  if (keys.size <= trustLimits.uploadedKeys) return;
  throw new ArsiaError(
    'conflict',
    `The trust rules of ${name} would have ${keys.size} keys of ${issuer}, and the limit is ${trustLimits.uploadedKeys}.`,
    {
      advice: 'Delete rules with keys that the issuer no longer uses.',
      fields: [{ pointer: '/jwks', detail: 'has too many keys, together with the other rules' }],
    },
  );
}

/** Returns the faults that only an import finds, such as a point that is not on its curve. */
function findKeyFaults(jwks: TrustRuleRow['jwks']): FieldFault[] {
  return (jwks?.keys ?? []).flatMap((key, index) =>
    isUsable(key) ? [] : [{ pointer: `/jwks/keys/${index}`, detail: 'is not a valid public key' }],
  );
}

/** Uploaded keys appear by their thumbprints. */
function describeRule(rule: TrustRuleRow): Record<string, unknown> {
  const keys = rule.jwks && { key_thumbprints: rule.jwks.keys.map(computeThumbprint) };
  return { trust_rule_id: rule.id, conditions: rule.conditions.all, ...trustRules.recorded(rule), ...keys };
}
