const prefix = 'arsia_job_';

/** The token of a job: 256 bits as 43 characters of base64url. */
export const jobTokenPattern = /^arsia_job_[\w-]{43}$/;

export function createJobToken(random: (bytes: number) => Uint8Array): string {
  return `${prefix}${Buffer.from(random(32)).toString('base64url')}`;
}
