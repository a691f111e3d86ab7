import { z } from 'zod';
import { errorTable } from '../../core/errors.ts';

/** RFC 9457, as `http/kernel/problem.ts` renders it. */
export const problem = z
  .strictObject({
    type: z.literal('about:blank'),
    title: z.string(),
    status: z.int(),
    code: z.enum(Object.keys(errorTable)).meta({ description: 'For programs; never changes its meaning.' }),
    detail: z.string().meta({ description: 'What happened.' }),
    advice: z.string().meta({ description: 'What to change.' }),
    request_id: z.string().meta({ description: 'As in the header `X-Request-Id`, the log and the audit.' }),
    errors: z
      .array(
        z.strictObject({
          pointer: z.string().meta({ description: 'RFC 6901, in the body; or the name of a parameter.' }),
          detail: z.string(),
        }),
      )
      .optional(),
    condition: z.string().optional().meta({ description: 'The trust condition that failed.' }),
    expected: z.string().optional(),
    actual: z.string().optional(),
    cloud: z
      .strictObject({
        provider: z.string(),
        code: z.string(),
        status: z.int().optional(),
        message: z.string(),
      })
      .optional()
      .meta({ description: 'What the cloud said, without tokens.' }),
  })
  .meta({ id: 'Problem' });
