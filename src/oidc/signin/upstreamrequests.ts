import { errors } from 'oidc-provider';
import type { Clock } from '../../core/clock.ts';
import { signInLifetimes } from '../../core/lifetimes.ts';
import type { ArtifactStore } from '../../store/issuing/artifacts.ts';
import type { UpstreamRequest } from '../upstream/upstream.ts';

const model = 'UpstreamRequest';

interface StoredRequest extends UpstreamRequest {
  /** The uid of the interaction. */
  interaction: string;
}

/** Creates the store of requests to the identity provider that have no response yet, by `state`. */
export function createUpstreamRequestStore({ artifacts, clock }: { artifacts: ArtifactStore; clock: Clock }) {
  return {
    async save(person: StoredRequest): Promise<void> {
      const expires_at = clock.now() + signInLifetimes.interaction * 1000;
      await artifacts.save({ model, id: person.state, payload: { ...person }, expires_at });
    },

    /**
     * Returns a request once, and only for its own interaction: a `state` of another browser must not sign in (RFC 6749 10.12).
     * Throws SessionNotFound.
     */
    async take(states: string[], interaction: string): Promise<UpstreamRequest> {
      const [state] = states;
      if (state === undefined || states.length > 1) throw new errors.SessionNotFound('no state, or several');
      const found = await artifacts.find(model, { id: state }, clock.now());
      const person = found?.payload as StoredRequest | undefined;
      if (person?.interaction !== interaction) throw new errors.SessionNotFound('another state');
      if (!(await artifacts.consume(model, state, clock.now()))) throw new errors.SessionNotFound('state used before');
      return person;
    },
  };
}
