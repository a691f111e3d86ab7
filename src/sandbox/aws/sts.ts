import type { JWK } from 'jose';
import type { Clock } from '../../core/clock.ts';
import { readFirstValues, readForm } from '../form.ts';
import { createUuid } from '../issued.ts';
import { makeKeyCache } from '../keycache.ts';
import type { Answer, Cloud, Request } from '../listener.ts';
import { Refusal } from '../refusal.ts';
import { type Accounts, makeAccounts } from './accounts.ts';
import { assumeRoleWithWebIdentity, type Sts } from './assumerole.ts';
import { authenticate } from './authentication.ts';
import { createAwsRefusal, createFaultRefusal } from './errors.ts';
import { awsCachePolicy } from './keys.ts';
import { makeSessions } from './sessions.ts';
import { createErrorAnswer, createResultAnswer, type Elements } from './xml.ts';

type Parameters = ReadonlyMap<string, string>;
type Action = (sts: Sts, parameters: Parameters, request: Request) => Elements | Promise<Elements>;

/** The actions of the query API. */
const actions: Readonly<Record<string, Action>> = {
  AssumeRoleWithWebIdentity: assumeRoleWithWebIdentity,
  GetCallerIdentity: getCallerIdentity,
};

const version = '2011-06-15';
const loggedParameters = ['RoleArn', 'RoleSessionName', 'DurationSeconds'];

/**
 * Creates AWS STS on one endpoint, which serves as the global one and as that of every region and partition (cloud-facts.md
 * 1).
 */
export function makeAwsSts(
  clock: Clock,
  fetchKeys: (issuer: string) => Promise<JWK[]>,
): { cloud: Cloud; accounts: Accounts } {
  const sts: Sts = {
    accounts: makeAccounts(clock),
    sessions: makeSessions(clock),
    keys: makeKeyCache(awsCachePolicy, clock, fetchKeys),
    clock,
  };
  const cloud: Cloud = {
    describe(request) {
      const parameters = readParameters(request);
      const action = parameters.get('Action') ?? '';
      return {
        operation: Object.hasOwn(actions, action) ? action : 'Unknown',
        parameters: Object.fromEntries([...parameters].filter(([name]) => loggedParameters.includes(name))),
      };
    },
    async answer(request) {
      const requestId = createUuid(clock);
      try {
        return await perform(sts, request, requestId);
      } catch (error) {
        if (error instanceof Refusal) return createErrorAnswer(error, requestId);
        throw error;
      }
    },
    unavailable: (status) => createErrorAnswer(createFaultRefusal(status), createUuid(clock)),
  };
  return { cloud, accounts: sts.accounts };
}

async function perform(sts: Sts, request: Request, requestId: string): Promise<Answer> {
  const parameters = readParameters(request);
  const name = parameters.get('Action');
  if (name === undefined) throw createAwsRefusal('MissingAction', 'The request must contain the parameter Action.');
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (!action || parameters.get('Version') !== version)
    throw createAwsRefusal(
      'InvalidAction',
      `Could not find operation ${name} for version ${parameters.get('Version') ?? 'NO_VERSION_SPECIFIED'}`,
    );
  return createResultAnswer(name, await action(sts, parameters, request), requestId);
}

/** Handles GetCallerIdentity, which is signed by temporary credentials and needs no permission (cloud-facts.md 1.8). */
function getCallerIdentity(sts: Sts, _parameters: Parameters, request: Request): Elements {
  const { arn, user_id, account } = authenticate(request, sts.sessions, sts.clock.now());
  return { Arn: arn, UserId: user_id, Account: account };
}

/** Reads the parameters from the query and the form. */
function readParameters(request: Request): Parameters {
  return new Map([...readFirstValues(request.query), ...readForm(request)]);
}
