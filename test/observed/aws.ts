import { readFileSync } from 'node:fs';

/** An answer of real AWS, as docs/cases/aws-facts.md describes the format. */
export interface Observation {
  id: string;
  area: 'jwt' | 'jwks' | 'trust' | 'roles' | 'policy';
  input: Record<string, unknown>;
  outcome: Answer;
  /** The same condition in a Deny beside an Allow. */
  as_deny?: Answer;
  /** The same condition with the negated operator. */
  negated?: Answer;
  maps?: {
    subject: string;
    audience: string;
    provider: string;
    session_seconds: number;
    packed_policy_size: number;
  };
  keys?: string[];
  note?: string;
}

export type Answer = 'allow' | { code: string; message?: string };

export const observations: readonly Observation[] = readFileSync('test/observed/aws.jsonl', 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Observation);

/** The observations that no test can compare, with the reason. Each other one is in exactly one test. */
export const notCompared: Readonly<Record<string, string>> = {
  'provider-add-existing-client': 'The sandbox has no AddClientIDToOpenIDConnectProvider.',
  'provider-thumbprints-empty': 'The sandbox has no thumbprints: it trusts the authority of the tests.',
  'provider-create-nonhex-thumbprint': 'The sandbox has no thumbprints: it trusts the authority of the tests.',
  'provider-delete-absent': 'The sandbox deletes no providers.',
  'simulated-NumericNotEquals-no-number':
    'The simulator contradicts the live answer `value-NumericNotEquals-empty`: it is no oracle for values that do not convert (cases/aws-facts.md 32).',
};

/** Returns the observations of the APIs, without those that are not compared. */
export function observedBy(...apis: (string | undefined)[]): Observation[] {
  return observations.filter(
    ({ id, input }) => apis.includes(input.by as string | undefined) && notCompared[id] === undefined,
  );
}

export const isAllowed = (answer: Answer): boolean => answer === 'allow';
