import type { Clock } from '../../core/clock.ts';
import { signInLifetimes } from '../../core/lifetimes.ts';
import type { Person } from '../../services/people/signinoptions.ts';
import type { ArtifactStore } from '../../store/issuing/artifacts.ts';

const model = 'VouchedPerson';

/**
 * People whom the identity provider has vouched for and who have not chosen yet, by the interaction that they came in. They
 * are found by whoever holds the cookie of that interaction, and by nobody else.
 */
export function vouchedPeople({ artifacts, clock }: { artifacts: ArtifactStore; clock: Clock }) {
  return {
    async save(interaction: string, person: Person): Promise<void> {
      const expires_at = clock.now() + signInLifetimes.interaction * 1000;
      await artifacts.save({ model, id: interaction, payload: { ...person }, expires_at });
    },
    async find(interaction: string): Promise<Person | undefined> {
      const found = await artifacts.find(model, { id: interaction }, clock.now());
      return found?.payload as Person | undefined;
    },
    forget: (interaction: string) => artifacts.destroy(model, interaction),
  };
}
