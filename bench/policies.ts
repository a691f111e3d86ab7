import { evaluate } from '../src/providers/aws/evaluate.ts';
import { review } from '../src/providers/aws/review.ts';
import { compare, type Figures, median } from './report.ts';

/** Measures the judgement of pasted trust policies of 6 kB, against JSON.parse of the same texts. */
const policies = 400;
const callsEach = 5;
const size = 6 * 1024;
const host = 'arsia.example.com/path';
const claims = { iss: `https://${host}`, sub: 'mi_0:ws_0', aud: 'aws' };

export function policyFigures(): Figures {
  const documents = Array.from({ length: policies }, (_, index) => makePolicy(index));
  const peers = measure(documents, JSON.parse);
  return {
    ...figures(
      'evaluate_aws',
      measure(documents, (document) => evaluate(document, claims)),
      peers,
    ),
    ...figures(
      'review_aws',
      measure(documents, (document) => review(document, claims)),
      peers,
    ),
  };
}

function figures(name: string, times: number[], peers: number[]): Figures {
  const at = (sorted: number[], part: number) => sorted[Math.floor(sorted.length * part)]!;
  const figure = (part: number) =>
    compare([at(times, part)], [at(peers, part)], 'ms', `JSON.parse of the same ${size / 1024} kB`);
  return { [`${name}_p50`]: figure(0.5), [`${name}_p99`]: figure(0.99) };
}

/**
 * Returns the milliseconds of each document, sorted. One is the median of several calls: a call of 0.2 ms that the scheduler interrupts
 * on a machine with other load says nothing about the document.
 */
function measure(documents: readonly string[], call: (document: string) => unknown): number[] {
  const time = (document: string) => {
    const began = performance.now();
    call(document);
    return performance.now() - began;
  };
  for (const document of documents) call(document);
  return documents
    .map((document) => median(Array.from({ length: callsEach }, () => time(document))))
    .sort((one, other) => one - other);
}

/** Statements that each fail late: by the last of several conditions with wildcards and variables. */
function makePolicy(seed: number): string {
  const Statement: object[] = [];
  const text = () => JSON.stringify({ Version: '2012-10-17', Statement });
  for (let index = 1; text().length < size; index++)
    Statement.push({
      Sid: `S${index}`,
      Effect: index % 4 === 0 ? 'Deny' : 'Allow',
      Principal: { Federated: `arn:aws:iam::111122223333:oidc-provider/${host}` },
      Action: ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession'],
      Condition: {
        StringEquals: { [`${host}:aud`]: ['aws', `aws:org_${index + seed}`] },
        StringLike: { [`${host}:sub`]: [`*mi_${index + seed}*:ws_?*`, `mi_${index}:$\{${host}:aud}*`] },
      },
    });
  return text();
}
