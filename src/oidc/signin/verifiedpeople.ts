import type { Clock } from '../../core/clock.ts';
import { signInLifetimes } from '../../core/lifetimes.ts';
import type { Person } from '../../services/people/signinperson.ts';
import type { ArtifactStore } from '../../store/issuing/artifacts.ts';

const model = 'VouchedPerson';

/**
 * Creates the store of people that the identity provider has authenticated and who have not chosen a user yet, by interaction.
 * A request finds a person only with the cookie of the interaction.
 */
export function createVerifiedPersonStore({ artifacts, clock }: { artifacts: ArtifactStore; clock: Clock }) {
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
