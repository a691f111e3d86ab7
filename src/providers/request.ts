import { z } from 'zod';
import type { FieldFault } from '../core/errors.ts';

/** Returns the faults of a requested duration in seconds. */
export function durationFault(duration: number | undefined, least: number, most: number): FieldFault[] {
  if (duration === undefined || (Number.isInteger(duration) && duration >= least && duration <= most)) return [];
  return [
    { pointer: '/duration', detail: `must be whole seconds from ${least} to ${most}, the maximum of this identity` },
  ];
}

/** Returns the fault of a duration at clouds that set the lifetime of their tokens themselves. */
export function noDuration(duration: number | undefined, why: string): FieldFault[] {
  return duration === undefined ? [] : [{ pointer: '/duration', detail: `must be left out: ${why}` }];
}

/** Answer of kinds without an exchange: the workload token is the credential. */
export const tokenAnswer = {
  token: z.string().meta({ description: 'The workload token, a JWT.', examples: ['eyJ...'] }),
};
