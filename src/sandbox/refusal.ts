/**
 * A refusal of a sandbox cloud, of a request or of a pasted document. `code` is the code of the cloud: the AWS error code, the
 * AADSTS number, Google's OAuth error or status. The message can reach a client and must not contain a token or a secret.
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
