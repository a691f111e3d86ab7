import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { createJobToken, jobTokenPattern } from '../../../src/services/jobs/jobtokens.ts';

test('a created job token has the form by which requests recognise job tokens', () => {
  expect(createJobToken(randomBytes)).toMatch(jobTokenPattern);
});
