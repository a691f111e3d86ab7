import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

/** Members whose values never reach a log line, at any depth that pino's wildcards reach; `scrub` takes care of free text. */
const secretMembers = [
  'authorization',
  'cookie',
  'token',
  'access_token',
  'refresh_token',
  'subject_token',
  'actor_token',
  'id_token',
  'job_token',
  'client_secret',
  'client_assertion',
  'assertion',
  'private_key',
  'passphrase',
  'secret',
  'secret_access_key',
  'session_token',
  'secretAccessKey',
  'sessionToken',
  'accessToken',
  'password',
  'sealing_key',
  'code',
  'set-cookie',
  'proxy-authorization',
];

/** Tokens and keys as they look in free text: compact JWS, our own opaque tokens, bearer headers, PEM, AWS key ids in pairs. */
const secretShapes = [
  /\beyJ[\w-]*\.[\w-]*\.[\w-]*(?:\.[\w-]*)*/g,
  /\barsia_[a-z]+_[\w-]{16,}/g,
  /\b(?:Bearer|Basic|DPoP)\s+[\w.~+/=-]{8,}/gi,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /(?:postgres(?:ql)?:\/\/[^:\s/@]*):[^@\s]*@/g,
];

/** Replaces what looks like a secret in free text. */
export function scrub(text: string): string {
  return secretShapes.reduce((rest, shape) => rest.replace(shape, '[redacted]'), text);
}

/** JSON lines with `time` in ISO 8601, `level` as a word and `msg`. `destination` defaults to stdout. */
export function createLog(options: { level: string; destination?: DestinationStream }): Log {
  const paths = secretMembers.flatMap((member) => {
    const quoted = `["${member}"]`;
    return [quoted, `*${quoted}`, `*.*${quoted}`, `*.*.*${quoted}`];
  });
  return pino(
    {
      level: options.level,
      base: { service: 'arsia' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths, censor: '[redacted]' },
      serializers: { err: describeError },
    },
    options.destination ?? pino.destination({ fd: 1, sync: false }),
  );
}

/** An error for the log: name, scrubbed message and stack, and its causes; no other member, since SDKs hang requests on theirs. */
function describeError(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return scrub(String(thrown));
  const { name, message, stack, cause } = thrown;
  const code = (thrown as { code?: unknown }).code;
  return {
    name,
    ...(typeof code === 'string' && { kind: code }),
    message: scrub(message),
    stack: scrub(stack ?? ''),
    ...(cause !== undefined && { cause: describeError(cause) }),
  };
}
