import type { AuditEvent, AuditReceipt } from '../../core/audit.ts';
import type { Clock } from '../../core/clock.ts';
import { findUsability } from '../../core/inheritance.ts';
import type { MintFacts } from '../../core/mintfacts.ts';
import { isReference } from '../../core/names.ts';
import { anonymous, jobCaller } from '../../core/principals.ts';
import type { MintFactsReader } from '../../store/issuing/mintfacts.ts';
import type { MintFactsKey } from '../../store/issuing/mintstatement.ts';
import { hashJobToken } from '../jobs/jobs.ts';
import { buildUnknownTokenError, readJobToken } from '../pipeline/callers.ts';
import { buildEvent, recordRefusal } from '../pipeline/records.ts';
import type { Audit } from '../pipeline/refusals.ts';
import { type Decision, decide, type IdentityRequest, type Outlet } from './decide.ts';

/**
 * One way to deliver an identity to a job: a workload token, later an SSH credential or certificate. It neither decides who
 * gets the identity nor records that, so it can forget neither (docs/decisions/0026).
 */
export interface DeliveryMethod<Input, Prepared extends Preparation, Delivered extends object> {
  /** The action of its records, `noun.verb`. */
  action: string;
  outlet: Outlet;
  /** Before the decision: brings what delivers up to the moment of the facts, such as keys to their version at that moment. */
  refresh?(facts: MintFacts, key_set_version: number): Promise<void> | undefined;
  /** After the decision, before the record: throws ArsiaError for what this method refuses. Delivers nothing yet. */
  prepare(decision: Decision, input: Input): Prepared;
  /** Once the record is committed, which the receipt proves. */
  deliver(prepared: Prepared, receipt: AuditReceipt): Promise<Delivered>;
}

export interface Preparation {
  /** What the record of the delivery says beside who got which identity. No secrets. */
  record: Partial<Pick<AuditEvent, 'id' | 'jti' | 'signing_input_sha256' | 'detail'>>;
}

/**
 * Decides on what is committed after the call, prepares, records, delivers. Throws ArsiaError for a refusal, which then has
 * its one record. Nothing is delivered whose record is not committed.
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

  /** Decided on what an earlier request read, and recorded only where it still holds; undefined where fresh facts are needed. */
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
      // A refusal is made on fresh facts, or not at all.
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
  // What cannot name anything never reaches the read, which requests share: a NUL in it would refuse them all.
  const identity = isReference(managed_identity) ? managed_identity : null;
  return { token_hash: hashJobToken(readJobToken(token)), identity, profile };
}

function describeRequest({ managed_identity }: IdentityRequest): { managed_identity?: string } {
  return isReference(managed_identity) ? { managed_identity: managed_identity.slice(0, 256) } : {};
}

/** The event of a delivery or of its refusal, as far as the facts are known. */
function buildDeliveryEvent(
  clock: Clock,
  action: string,
  { origin }: IdentityRequest,
  facts: MintFacts | undefined,
  more: Partial<AuditEvent> & Pick<AuditEvent, 'outcome'>,
): AuditEvent {
  const caller = facts === undefined ? anonymous : jobCaller(facts);
  return buildEvent(clock, { caller, origin }, action, undefined, {
    user_id: facts?.user?.id ?? null,
    // An identity that the workspace may not see is named as asked, not by the id of another organisation's.
    identity_id:
      facts?.identity && findUsability(facts.identity.reach, facts.workspace.lineage) !== 'out_of_reach'
        ? facts.identity.id
        : null,
    ...more,
  });
}
