import { ArsiaError, type ErrorCode, type ErrorMore } from '../core/errors.ts';
import { toError } from '../core/thrown.ts';
import { connectionFault, readRetryAfter, readStatus, scrub } from './faults.ts';

/** The error of a cloud, as its SDK reported it. */
export interface CloudFault {
  /** Title for messages: `AWS`. */
  cloud: string;
  /** Type of the provider: `aws`. */
  provider: string;
  code: string;
  status: number | undefined;
  message: string;
}

/** A row of the error table of a cloud: maps errors to a code of Arsia. The first match counts. */
export interface FaultRow<Situation> {
  /** Matches the whole code of the cloud. */
  code: RegExp;
  /** Matches a part of the cloud's message, for codes with several meanings. */
  message?: RegExp;
  as: ErrorCode;
  /** Returns what happened, to follow the name of the cloud: `does not let this token assume …`. */
  what: (situation: Situation) => string;
  /** Returns what to change, where, and the value to paste. */
  advice: (situation: Situation) => string;
  /** For a failed trust condition: returns its name in the trust document, and the expected value. */
  condition?: (situation: Situation) => { condition: string; expected: string };
  /** The field of the request that is at fault. */
  pointer?: string;
}

/** Returns an ArsiaError with the code and text of the cloud, without tokens. Maps errors without a row by their status. */
export function explainFault<Situation>(
  thrown: unknown,
  fault: CloudFault,
  rows: readonly FaultRow<Situation>[],
  situation: Situation,
): ArsiaError {
  const message = scrub(fault.message);
  const row =
    rows.find((one) => one.code.test(fault.code) && (one.message === undefined || one.message.test(fault.message))) ??
    fallback(thrown, fault);
  const condition = row.condition?.(situation);
  const wait = readRetryAfter(thrown);
  const more: ErrorMore = {
    advice: row.advice(situation),
    cloud: {
      provider: fault.provider,
      code: scrub(fault.code).slice(0, 100),
      ...(fault.status !== undefined && { status: fault.status }),
      message,
    },
    ...(condition !== undefined && { ...condition, actual: message }),
    ...(row.pointer !== undefined && { fields: [{ pointer: row.pointer, detail: message }] }),
    ...(row.as === 'cloud_unavailable' && wait !== undefined && { retry_after: wait }),
  };
  return new ArsiaError(row.as, `${fault.cloud} ${row.what(situation)}.`, more);
}

const connectionRows = {
  network: {
    what: 'could not be reached',
    advice: 'Try again; check that the server that runs Arsia reaches the cloud.',
  },
  tls: {
    what: 'has a certificate that Arsia does not trust',
    advice:
      'The operator can name its certificate authority in ARSIA_EXTRA_CA_FILE, and a host of the cloud itself in ARSIA_EXTRA_CA_HOSTS.',
  },
  proxy: {
    what: 'could not be reached: the outbound proxy did not open a connection',
    advice:
      'The operator checks that the proxy of ARSIA_OUTBOUND_PROXY runs and allows the host, or adds the host to ARSIA_OUTBOUND_NO_PROXY.',
  },
  none: {
    what: 'gave an answer that Arsia does not understand',
    advice: 'Check that the endpoint is the one of the cloud, and that no proxy answers in its place.',
  },
};

/** Returns the row of an error that has none of its own, by connection and status alone. */
function fallback(thrown: unknown, { cloud, code, status }: CloudFault): FaultRow<unknown> {
  const any = /^/;
  if (status === undefined || status < 400) {
    const connection = status === undefined ? connectionFault(thrown) : undefined;
    const row = connectionRows[connection?.kind ?? 'none'];
    return { code: any, as: 'cloud_unavailable', what: () => `${row.what} (${code})`, advice: () => row.advice };
  }
  if (status === 429 || status >= 500)
    return {
      code: any,
      as: 'cloud_unavailable',
      what: () => (status === 429 ? 'limits the rate of requests' : `answered with the status ${status} (${code})`),
      advice: () => `Try again later. If the error persists, look at the status page of ${cloud}.`,
    };
  const isDenial = status === 401 || status === 403;
  return {
    code: any,
    as: isDenial ? 'cloud_denied' : 'cloud_refused',
    what: () => `refused the exchange with the code ${code}`,
    advice: () =>
      isDenial
        ? 'Compare the trust document at the cloud with the one that Arsia generates for this identity.'
        : 'Read the code and the message of the cloud.',
  };
}

/** Returns the parts that the errors of all SDKs have: a status, a connection code, a message. */
export function readFault(
  cloud: string,
  provider: string,
  thrown: unknown,
  own: { code?: string | undefined; message?: string | undefined },
): CloudFault {
  const error = toError(thrown);
  const connection = connectionFault(thrown);
  const isOfProxy = connection?.kind === 'proxy';
  return {
    cloud,
    provider,
    code: (isOfProxy ? undefined : own.code) ?? connection?.code ?? error.name,
    status: readStatus(thrown),
    message: isOfProxy ? 'The outbound proxy opened no tunnel.' : (own.message ?? error.message),
  };
}
