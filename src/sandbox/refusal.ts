/**
 * What a sandbox cloud refuses, on the wire or when something is pasted into it. `code` is the cloud's own: AWS's error code,
 * the AADSTS number, Google's OAuth error or status. The message may reach a client, so it never holds a token or a secret.
 */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.code = code;
  }
}
