import { ArsiaError } from '../core/errors.ts';
import type { Refusal } from './refusal.ts';

/**
 * Runs a judgement of a pasted document. A document that `evaluate` cannot read becomes a refusal that says so: a plain denial
 * would hide that it is the sandbox, and not the document, that falls short.
 */
export function judge<Result>(judgement: () => Result, refuse: (reason: string) => Refusal): Result {
  try {
    return judgement();
  } catch (error) {
    throw error instanceof ArsiaError ? refuse(error.message) : error;
  }
}
