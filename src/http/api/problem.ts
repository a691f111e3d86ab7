import { z } from 'zod';
import { errorTable } from '../../core/errors.ts';

/** RFC 9457, as `http/kernel/problem.ts` renders it. */
export const problem = z
  .strictObject({
    type: z.literal('about:blank').meta({ description: 'Always `about:blank`: `code` says which problem it is.' }),
    title: z.string().meta({
      description: 'The problem in short; the same for each `code`.',
      examples: ['The caller lacks the permission'],
    }),
    status: z.int().meta({ description: 'The HTTP status.', examples: [403] }),
    code: z.enum(Object.keys(errorTable)).meta({ description: 'For programs; never changes its meaning.' }),
    detail: z
      .string()
      .meta({ description: 'What happened.', examples: ['This needs the permission workspace.create.'] }),
    advice: z.string().meta({ description: 'What to change.', examples: ['Ask an owner for the role owner here.'] }),
    request_id: z.string().meta({
      description: 'As in the header `X-Request-Id`, the log and the audit.',
      examples: ['0b9e6c1a-2f53-4d0e-9a87-3c5d1e7f4b62'],
    }),
    errors: z
      .array(
        z.strictObject({
          pointer: z
            .string()
            .meta({ description: 'RFC 6901, in the body; or the name of a parameter.', examples: ['/name'] }),
          detail: z
            .string()
            .meta({ description: 'What is wrong with it.', examples: ['must be at most 1000 characters'] }),
        }),
      )
      .optional()
      .meta({ description: 'The faults of single fields.' }),
    condition: z
      .string()
      .optional()
      .meta({ description: 'The trust condition that failed.', examples: ['StringEquals arsia.acme.example:sub'] }),
    expected: z
      .string()
      .optional()
      .meta({
        description: 'The value that the condition requires.',
        examples: ['mi_01jd2ze0q8v5n3w4x6y7t9m2ab:ws_01jd2ze0q8v5n3w4x6y7t9m2ab'],
      }),
    actual: z
      .string()
      .optional()
      .meta({ description: 'The value of the request or token.', examples: ['mi_01jd2ze0q8v5n3w4x6y7t9m2ab'] }),
    cloud: z
      .strictObject({
        provider: z.string().meta({ description: 'The type of the managed identity.', examples: ['aws'] }),
        code: z.string().meta({ description: 'The error code of the cloud.', examples: ['AccessDenied'] }),
        status: z
          .int()
          .optional()
          .meta({ description: 'The HTTP status of the cloud.', examples: [403] }),
        message: z.string().meta({
          description: 'The message of the cloud.',
          examples: ['Not authorized to perform sts:AssumeRoleWithWebIdentity'],
        }),
      })
      .optional()
      .meta({ description: 'What the cloud said, without tokens.' }),
  })
  .meta({ id: 'Problem' });
