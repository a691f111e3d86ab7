import { ArsiaError, type FieldFault } from '../../core/errors.ts';
import {
  findNearestQuota,
  findQuotaValueFault,
  isQuotaName,
  type QuotaHolder,
  type QuotaName,
  quotaNames,
  quotas,
} from '../../core/quotas.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import { readQuotas, saveQuotas } from '../../store/namespaces/quotas.ts';
import { resolveOrganization } from '../people/namedusers.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { QuotaCounts } from '../pipeline/quotacounts.ts';
import { systemCall } from '../pipeline/records.ts';
import { isOperator } from '../pipeline/rights.ts';

/** A quota and its value in one organisation. */
export interface OrganizationQuota {
  name: QuotaName;
  per: QuotaHolder;
  value: number;
  default: number;
  maximum: number;
  /** Null for a quota that is counted for each of many holders. */
  used: number | null;
}

/** Null resets a quota to its default. */
export type QuotaChanges = Record<string, number | null>;

interface FoundOrganization extends Place {
  organization: Namespace;
}

/**
 * Creates the actions that read and change the quotas of an organisation. Owners read those of their organisation;
 * operators read and change those of all.
 */
export function createQuotaActions(counts: QuotaCounts) {
  async function read(context: Context, organization_id: string): Promise<OrganizationQuota[]> {
    const changed = await readQuotas(context.db, organization_id);
    const use = async (name: QuotaName) =>
      quotas[name].per === 'organization'
        ? (await counts.readUse({ name, organization_id, holder: organization_id })).used
        : null;
    return await Promise.all(
      quotaNames.map(async (name) => {
        const { per, default: initial, maximum } = quotas[name];
        return { name, per, value: changed[name] ?? initial, default: initial, maximum, used: await use(name) };
      }),
    );
  }

  const list: Action<{ ref: string }, FoundOrganization, OrganizationQuota[]> = {
    name: 'quota.list',
    needs: 'organization.configure',
    opensToOperator: true,
    changes: false,
    find: resolveVisibleOrganization,
    run: (context, _input, { organization }) => read(context, organization.id),
  };

  const update: Action<{ ref: string; quotas: QuotaChanges }, FoundOrganization, Partial<Record<QuotaName, number>>> = {
    name: 'quota.update',
    needs: 'operator',
    changes: true,
    find: resolveVisibleOrganization,
    async run(context, input, { organization }) {
      refuseFaults(input.quotas, organization.path);
      const before = await readQuotas(context.db, organization.id);
      await saveQuotas(context.db, organization.id, input.quotas);
      counts.forget(organization.id);
      return before;
    },
    describe: (input, { organization }, before) => ({
      target_id: organization.id,
      detail: {
        organization: organization.path,
        quotas: Object.entries(input.quotas).map(([name, value]) => ({
          name,
          before: before[name as QuotaName] ?? quotas[name as QuotaName].default,
          value: value ?? quotas[name as QuotaName].default,
        })),
      },
    }),
  };

  return { list, update };
}

/** The quota commands of the server's terminal. */
export interface QuotaAdmin {
  list(organization: string): Promise<OrganizationQuota[]>;
  change(organization: string, changes: QuotaChanges): Promise<void>;
}

export function createQuotaAdmin(
  pipeline: Pipeline,
  { list, update }: ReturnType<typeof createQuotaActions>,
): QuotaAdmin {
  return {
    list: (ref) => pipeline.perform(list, systemCall, { ref }),
    async change(ref, quotas) {
      await pipeline.perform(update, systemCall, { ref, quotas });
    },
  };
}

async function resolveVisibleOrganization(context: Context, { ref }: { ref: string }): Promise<FoundOrganization> {
  const organization = await resolveOrganization(context, ref);
  const place = {
    organization,
    organization_id: organization.id,
    lineage: organization.lineage,
    named: { noun: 'organisation', ref },
    audit: { target_id: organization.id },
  };
  const { caller } = context;
  // A caller who may not see the organisation gets `not_found`, not the hint that operators may.
  if (!isOperator(caller)) await context.demand('namespace.view', place);
  return place;
}

function refuseFaults(changes: QuotaChanges, organization: string): void {
  const fields = Object.entries(changes).flatMap(([name, value]): FieldFault[] => {
    const fault = isQuotaName(name)
      ? value !== null && findQuotaValueFault(name, value)
      : `is no quota: the nearest name is \`${findNearestQuota(name)}\``;
    return typeof fault === 'string' ? [{ pointer: `/quotas/${name}`, detail: fault }] : [];
  });
  const [first] = fields;
  if (first === undefined) return;
  throw new ArsiaError('invalid_request', `Quota ${first.pointer.slice('/quotas/'.length)} ${first.detail}.`, {
    advice: `List the quotas with \`arsia server admin quota --organization ${organization}\`.`,
    fields,
  });
}
