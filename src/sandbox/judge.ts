import { ArsiaError } from '../core/errors.ts';
import type { Refusal } from './refusal.ts';

/**
 * Runs an evaluation of a pasted document. Throws the refusal of `refuse` when `evaluate` does not support the document: a
 * plain denial would hide that the sandbox, and not the document, is the cause.
 */
export function judge<Result>(judgement: () => Result, refuse: (reason: string) => Refusal): Result {
  try {
    return judgement();
  } catch (error) {
    throw error instanceof ArsiaError ? refuse(error.message) : error;
  }
}
