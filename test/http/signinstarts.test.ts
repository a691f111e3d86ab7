import { expect, test } from '@jest/globals';
import { limitSignInStarts } from '../../src/http/limits/signinstarts.ts';

const paths = ['/oauth2/authorize', '/prefix/oauth2/device_authorization'];

test('N68 limits the sign-ins and device codes that one address starts', async () => {
  const limit = limitSignInStarts({ rate: 200 }, 4);
  const { 0: one, 1: other } = ['192.0.2.1', '192.0.2.2'];
  for (const path of [...paths, ...paths]) await limit(one!, path);
  for (const path of paths)
    await expect(limit(one!, path)).rejects.toMatchObject({
      code: 'too_many_requests',
      more: { retry_after: expect.any(Number) },
    });
  // Other addresses and other endpoints are not limited.
  await limit(other!, paths[0]!);
  for (let n = 0; n < 20; n++) await limit(one!, '/oauth2/token');
});

test('there is no limit when the limit of requests is off', async () => {
  const limit = limitSignInStarts({ rate: 0 }, 1);
  for (let n = 0; n < 3; n++) await limit('192.0.2.1', paths[0]!);
});
