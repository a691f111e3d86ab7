import { evaluate } from '../src/providers/aws/evaluate.ts';
import { review } from '../src/providers/aws/review.ts';
import { compare, type Figures } from './report.ts';

/** Measures the judgement of a pasted trust policy of 6 kB, against JSON.parse of the same text. */
const rounds = 2000;
const size = 6 * 1024;
const host = 'arsia.example.com/path';
const claims = { iss: `https://${host}`, sub: 'mi_0:ws_0', aud: 'aws' };

export function policyFigures(): Figures {
  const document = makePolicy();
  const peers = measure(() => JSON.parse(document));
  const against = `JSON.parse of the same ${Math.round(document.length / 1024)} kB`;
  return {
    ...figures(
      'evaluate_aws',
      measure(() => evaluate(document, claims)),
      peers,
      against,
    ),
    ...figures(
      'review_aws',
      measure(() => review(document, claims)),
      peers,
      against,
    ),
  };
}

function figures(name: string, times: number[], peers: number[], against: string): Figures {
  const at = (sorted: number[], part: number) => sorted[Math.floor(sorted.length * part)]!;
  const figure = (part: number) => compare([at(times, part)], [at(peers, part)], 'ms', against);
  return { [`${name}_p50`]: figure(0.5), [`${name}_p99`]: figure(0.99) };
}

/** Returns the milliseconds of each call, sorted. */
function measure(call: () => unknown): number[] {
  for (let warm = 0; warm < rounds / 10; warm++) call();
  return Array.from({ length: rounds }, () => {
    const began = performance.now();
    call();
    return performance.now() - began;
  }).sort((one, other) => one - other);
}

/** Statements that each fail late: by the last of several conditions with wildcards and variables. */
function makePolicy(): string {
  const Statement: object[] = [];
  const text = () => JSON.stringify({ Version: '2012-10-17', Statement });
  for (let index = 1; text().length < size; index++)
    Statement.push({
      Sid: `S${index}`,
      Effect: index % 4 === 0 ? 'Deny' : 'Allow',
      Principal: { Federated: `arn:aws:iam::111122223333:oidc-provider/${host}` },
      Action: ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession'],
      Condition: {
        StringEquals: { [`${host}:aud`]: ['aws', `aws:org_${index}`] },
        StringLike: { [`${host}:sub`]: [`*mi_${index}*:ws_?*`, `mi_${index}:$\{${host}:aud}*`] },
      },
    });
  return text();
}
