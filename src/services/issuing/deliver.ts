import type { AuditEvent, AuditReceipt } from '../../core/audit.ts';
import type { Clock } from '../../core/clock.ts';
import { findUsability } from '../../core/inheritance.ts';
import type { MintFacts } from '../../core/mintfacts.ts';
import { isReference } from '../../core/names.ts';
import { anonymous, jobCaller } from '../../core/principals.ts';
import { hashToken } from '../../store/issuing/artifacts.ts';
import type { MintFactsReader } from '../../store/issuing/mintfacts.ts';
import type { MintFactsKey } from '../../store/issuing/mintstatement.ts';

import { buildUnknownTokenError, readJobToken } from '../pipeline/callers.ts';
import { buildEvent, recordRefusal } from '../pipeline/records.ts';
import type { Audit } from '../pipeline/refusals.ts';
import { type Decision, decide, type IdentityRequest, type Outlet } from './decide.ts';

/**
 * One way to deliver an identity to a job: a workload token, later an SSH credential or certificate. It neither decides
 * nor records, so that no method can forget either (docs/decisions/0026).
 */
export interface DeliveryMethod<Input, Prepared extends Preparation, Delivered extends object> {
  /** The action of its audit records, `noun.verb`. */
  action: string;
  outlet: Outlet;
  /**
   * Called before the decision. Brings the method's own state to the moment of the facts, such as the keys to this
   * version.
   */
  refresh?(facts: MintFacts, key_set_version: number): Promise<void> | undefined;
  /**
   * Called after the decision and before the record. Throws ArsiaError for what this method refuses. Must not deliver
   * anything yet.
   */
  prepare(decision: Decision, input: Input): Prepared;
  /** Called when the record is committed, which the receipt proves. */
  deliver(prepared: Prepared, receipt: AuditReceipt): Promise<Delivered>;
}

export interface Preparation {
  /** Facts for the record of the delivery, beside the caller and the identity. No secrets. */
  record: Partial<Pick<AuditEvent, 'id' | 'jti' | 'signing_input_sha256' | 'detail'>>;
}

/**
 * Decides on the state that is committed after the call, prepares, records, and delivers. Throws ArsiaError for a
 * refusal, which has one record. Delivers nothing unless the record is committed.
 */
export type Deliver = <Input, Prepared extends Preparation, Delivered extends object>(
  method: DeliveryMethod<Input, Prepared, Delivered>,
  request: IdentityRequest,
  input: Input,
) => Promise<Delivered>;

export function createDeliver(parts: { reader: MintFactsReader; audit: Audit; clock: Clock }): Deliver {
  const { reader, audit, clock } = parts;

  function propose<Input, Prepared extends Preparation>(
    method: DeliveryMethod<Input, Prepared, object>,
    facts: MintFacts,
    request: IdentityRequest,
    input: Input,
  ): { prepared: Prepared; event: AuditEvent } {
    const decision = decide(facts, request, method.outlet, clock.now());
    const prepared = method.prepare(decision, input);
    const event = buildDeliveryEvent(clock, method.action, request, facts, { outcome: 'success', ...prepared.record });
    return { prepared, event };
  }

  /**
   * Decides on the facts of an earlier request, and records only if they are unchanged. Returns undefined where fresh
   * facts are needed.
   */
  async function deliverOnKept<Input, Prepared extends Preparation, Delivered extends object>(
    method: DeliveryMethod<Input, Prepared, Delivered>,
    key: MintFactsKey,
    request: IdentityRequest,
    input: Input,
  ): Promise<Delivered | undefined> {
    const kept = reader.kept(key);
    if (kept === undefined) return undefined;
    await method.refresh?.(kept.facts, kept.premise.key_set_version);
    let proposal: ReturnType<typeof propose<Input, Prepared>>;
    try {
      proposal = propose(method, kept.facts, request, input);
    } catch {
      // A refusal needs fresh facts.
      return undefined;
    }
    const receipt = await audit.recordIf(proposal.event, kept.premise);
    return receipt && (await method.deliver(proposal.prepared, receipt));
  }

  return async (method, request, input) => {
    let facts: MintFacts | undefined;
    try {
      const key = buildFactsKey(request);
      const delivered = await deliverOnKept(method, key, request, input);
      if (delivered !== undefined) return delivered;
      const read = await reader.read(key);
      if (read === null) throw buildUnknownTokenError();
      facts = read.facts;
      await method.refresh?.(facts, read.keySetVersion);
      const { prepared, event } = propose(method, facts, request, input);
      read.keep();
      return await method.deliver(prepared, await audit.record(event));
    } catch (thrown) {
      throw await recordRefusal(audit, thrown, (refusal) => {
        const detail = { ...describeRequest(request), ...refusal.detail };
        return buildDeliveryEvent(clock, method.action, request, facts, { ...refusal, detail });
      });
    }
  };
}

function buildFactsKey({ token, managed_identity, profile }: IdentityRequest): MintFactsKey {
  // A text that is no reference is left out of the shared read: a NUL in it would fail the reads of all requests.
  const identity = isReference(managed_identity) ? managed_identity : null;
  return { token_hash: hashToken(readJobToken(token)), identity, profile };
}

function describeRequest({ managed_identity }: IdentityRequest): { managed_identity?: string } {
  return isReference(managed_identity) ? { managed_identity: managed_identity.slice(0, 256) } : {};
}

/** Builds the event of a delivery or of its refusal, with the facts that are known. */
function buildDeliveryEvent(
  clock: Clock,
  action: string,
  { origin, logged }: IdentityRequest,
  facts: MintFacts | undefined,
  more: Partial<AuditEvent> & Pick<AuditEvent, 'outcome'>,
): AuditEvent {
  const caller = facts === undefined ? anonymous : jobCaller(facts);
  if (logged !== undefined) logged.caller = caller;
  return buildEvent(clock, { caller, origin }, action, undefined, {
    user_id: facts?.user?.id ?? null,
    // An identity that the workspace may not see is recorded as the request names it, not by an id of another
    // organisation.
    identity_id:
      facts?.identity && findUsability(facts.identity.reach, facts.workspace.lineage) !== 'out_of_reach'
        ? facts.identity.id
        : null,
    ...more,
  });
}
