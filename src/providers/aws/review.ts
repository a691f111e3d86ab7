import type { EvaluateRequest, Review } from '../provider.ts';
import { correctTrust } from './corrections.ts';
import { judgeTrust } from './evaluate.ts';
import { findWideTrust } from './findings.ts';

/** Judges a trust policy as `evaluate` does, and says which statement decides, where, what is too wide, and what would let the token in. */
export function review(
  document: string,
  claims: Readonly<Record<string, unknown>>,
  request: EvaluateRequest = {},
): Review {
  const judged = judgeTrust(document, claims, request);
  const { verdict, decision, position, policy, asked, pasted } = judged;
  const statement = decision?.outcome?.statement;
  const condition = verdict.allow ? undefined : decision?.outcome?.mismatches[0]?.condition;
  const corrected = verdict.allow ? undefined : correctTrust(judged, claims, request);
  return {
    verdict,
    ...(statement !== undefined && { statement: statement.sid || String(statement.index + 1) }),
    ...(condition !== undefined && { operator: condition.name, key: condition.key }),
    ...(position !== undefined && { position }),
    findings: findWideTrust(policy, asked, pasted),
    ...(corrected !== undefined && { corrected }),
  };
}
