import { errors } from 'oidc-provider';
import type { Clock } from '../../core/clock.ts';
import { signInLifetimes } from '../../core/lifetimes.ts';
import type { ArtifactStore } from '../../store/issuing/artifacts.ts';
import type { UpstreamRequest } from '../upstream/upstream.ts';

const model = 'UpstreamRequest';

interface SentPerson extends UpstreamRequest {
  /** The uid of the interaction that they were sent for. */
  interaction: string;
}

/** People who are at the identity provider right now, by the `state` that they bring back. */
export function requestsOf({ artifacts, clock }: { artifacts: ArtifactStore; clock: Clock }) {
  return {
    async save(person: SentPerson): Promise<void> {
      const expires_at = clock.now() + signInLifetimes.interaction * 1000;
      await artifacts.save({ model, id: person.state, payload: { ...person }, expires_at });
    },

    /** Once, and only for the interaction that it was made for: somebody else's `state` signs nobody in (RFC 6749 10.12). */
    async take(states: string[], interaction: string): Promise<UpstreamRequest> {
      const [state] = states;
      if (state === undefined || states.length > 1) throw new errors.SessionNotFound('no state, or several');
      const found = await artifacts.find(model, { id: state }, clock.now());
      const person = found?.payload as SentPerson | undefined;
      if (person?.interaction !== interaction) throw new errors.SessionNotFound('another state');
      if (!(await artifacts.consume(model, state, clock.now()))) throw new errors.SessionNotFound('state used before');
      return person;
    },
  };
}
