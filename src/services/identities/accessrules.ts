import type { RuleKind } from '../../core/accessrules.ts';
import { ArsiaError } from '../../core/errors.ts';
import { isName } from '../../core/names.ts';
import { countValueBytes } from '../../core/quotas.ts';
import type { Page } from '../../database/page.ts';
import { accessRules } from '../../entities/accessrules.ts';
import type { Changed, Created } from '../../entities/entity.ts';
import {
  type AccessRuleRow,
  deleteAccessRule,
  findAccessRule,
  insertAccessRule,
  listAccessRules,
  updateAccessRule,
} from '../../store/identities/accessrules.ts';
import { findTeam } from '../../store/people/teams.ts';
import { findUser } from '../../store/people/users.ts';
import { findVisibleAccount } from '../people/principalrefs.ts';
import type { Action, Context } from '../pipeline/action.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';
import { type FoundIdentity, identityPath, resolveIdentity, resolveIdentityToList, toQuotaHolder } from './lookup.ts';

interface FoundRule extends FoundIdentity {
  rule: AccessRuleRow;
}

export const createAccessRule: Action<Created<typeof accessRules> & { ref: string }, FoundIdentity, AccessRuleRow> = {
  name: 'access_rule.create',
  needs: 'access_rule.manage',
  changes: true,
  adds: ['access_rules_per_identity', 'access_rule_bytes'],
  find: (context, input) => resolveIdentity(context, input.ref),
  async run(context, input, { identity }) {
    const { organization_id } = identity;
    const values = await resolveValues(context, organization_id, input.kind, input.values);
    await context.admit('access_rules_per_identity', organization_id, toQuotaHolder(identity));
    await context.admit('access_rule_bytes', organization_id, toQuotaHolder(identity), countValueBytes(values));
    const row: AccessRuleRow = {
      id: context.newId('access_rule'),
      identity_id: identity.id,
      organization_id,
      kind: input.kind,
      values,
      created_at: new Date(context.now),
      version: 1,
    };
    await insertAccessRule(context.db, row);
    return row;
  },
  describe: (_input, { identity }, row) => ({
    target_id: row.id,
    detail: { identity: identityPath(identity), ...accessRules.recorded(row) },
  }),
};

export const listIdentityAccessRules: Action<{ ref: string; page: Page }, FoundIdentity, AccessRuleRow[]> = {
  name: 'access_rule.list',
  needs: 'access_rule.view',
  changes: false,
  find: (context, input) => resolveIdentityToList(context, input.ref),
  run: (context, { page }, { identity }) => listAccessRules(context.db, identity.id, page),
};

export const changeAccessRule: Action<
  Changed<typeof accessRules> & { ref: string; id: string },
  FoundRule,
  AccessRuleRow
> = {
  name: 'access_rule.update',
  needs: 'access_rule.manage',
  changes: true,
  adds: ['access_rule_bytes'],
  find: resolveAccessRule,
  version: ({ rule }) => rule.version,
  async run(context, input, { identity, rule }) {
    const values = await resolveValues(context, rule.organization_id, rule.kind, input.values);
    const more = countValueBytes(values) - countValueBytes(rule.values);
    if (more > 0) await context.admit('access_rule_bytes', rule.organization_id, toQuotaHolder(identity), more);
    return await updateAccessRule(context.db, rule.id, values);
  },
  describe: (_input, { identity, rule }, row) => ({
    target_id: rule.id,
    detail: { identity: identityPath(identity), before: rule.values, ...accessRules.recorded(row) },
  }),
};

export const removeAccessRule: Action<{ ref: string; id: string }, FoundRule, void> = {
  name: 'access_rule.delete',
  needs: 'access_rule.manage',
  changes: true,
  find: resolveAccessRule,
  version: ({ rule }) => rule.version,
  run: (context, _input, { rule }) => deleteAccessRule(context.db, rule.id),
  describe: (_input, { identity, rule }) => ({
    target_id: rule.id,
    detail: { identity: identityPath(identity), ...accessRules.recorded(rule) },
  }),
};

async function resolveAccessRule(context: Context, input: { ref: string; id: string }): Promise<FoundRule> {
  const found = await resolveIdentity(context, input.ref);
  await context.demand('access_rule.view', found);
  const rule = await findAccessRule(context.db, found.identity.id, input.id);
  if (rule === undefined) throw buildNotFoundError('access rule', input.id);
  return { ...found, rule };
}

/**
 * Returns the values to store: stage and label patterns as they are, principals as ids of the organisation. Throws
 * `invalid_request`, which names the entry, for a pattern without `key=` and for an unknown principal.
 */
async function resolveValues(
  context: Context,
  organization_id: string,
  kind: RuleKind,
  values: string[],
): Promise<string[]> {
  const find = {
    user: (ref: string) => findUser(context.db, organization_id, ref),
    team: (ref: string) => findTeam(context.db, organization_id, ref),
    service_account: (ref: string) => findVisibleAccount(context, organization_id, ref),
  };
  if (kind === 'stage') return values;
  const ids: string[] = [];
  for (const [index, value] of values.entries()) {
    if (kind === 'label') {
      if (!isName(value.split('=')[0]!) || !value.includes('='))
        throw buildValueError(index, 'must be key=pattern, such as env=prod-*');
      ids.push(value);
      continue;
    }
    const principal = await find[kind](value);
    if (principal?.organization_id !== organization_id)
      throw buildValueError(index, `is no ${kind.replace('_', ' ')} of this organisation`);
    ids.push(principal.id);
  }
  return ids;
}

function buildValueError(index: number, detail: string): ArsiaError {
  return new ArsiaError('invalid_request', 'The values of the rule are not valid.', {
    fields: [{ pointer: `/values/${index}`, detail }],
  });
}
