import { describe, expect, test } from '@jest/globals';
import { ArsiaError } from '../../src/core/errors.ts';
import { providers } from '../../src/providers/registry.ts';
import { absent, type Json, type Walk } from './walk.ts';

const federatedKinds = providers.filter(({ federated }) => federated !== undefined);

const walks: Record<string, Walk> = Object.fromEntries(
  await Promise.all(federatedKinds.map(async ({ type }) => [type, (await import(`./${type}/members.ts`)).walk])),
);

/** Returns whether the document allows the token; false for a document that `evaluate` refuses. */
function isAllowed({ evaluate, claims: token }: Walk, document: Json): boolean {
  try {
    return evaluate(JSON.stringify(document), token).allow;
  } catch (thrown) {
    if (thrown instanceof ArsiaError && thrown.code !== 'internal') return false;
    throw thrown;
  }
}

test('N85 the documents of every provider are tested', () => {
  for (const { type, federated } of federatedKinds) expect(walks[type]!.evaluate).toBe(federated!.evaluate);
});

describe.each(Object.entries(walks))('N85 the members of a document for %s', (_type, walk) => {
  const all = Object.entries(walk.members).flatMap(([place, members]) =>
    Object.entries(members).map(([member, use]) => ({ place, member, use })),
  );

  test('each have a value that denies the token', () => {
    const judged = all.filter(({ use }) => typeof use === 'function').map(({ place, member }) => `${place}${member}`);
    expect(Object.keys(walk.refused).sort()).toEqual(judged.sort());
    expect(Object.keys(walk.places)).toEqual(Object.keys(walk.members));
  });

  test.each(all.map((one) => [`${one.place}${one.member}`, one] as const))('%s', (title, { place, member, use }) => {
    const at = walk.places[place]!;
    if (typeof use !== 'function') {
      expect(use.irrelevant).toMatch(/^[A-Z].{20,}\.$/);
      for (const value of [absent, null, 'x', '', true, 7, {}])
        expect([value, isAllowed(walk, at({ [member]: value, ...companion(place) }))]).toEqual([value, true]);
      return;
    }
    for (const value of walk.refused[title]!)
      expect([value, isAllowed(walk, at({ [member]: value }))]).toEqual([value, false]);
  });

  test('are complete: any other member is not supported', () => {
    for (const [place, at] of Object.entries(walk.places)) {
      const thrown = (() => {
        try {
          return walk.evaluate(JSON.stringify(at({ ...companion(place), Zzz: 1 })), walk.claims);
        } catch (error) {
          return error;
        }
      })();
      expect([place, thrown]).toEqual([place, expect.objectContaining({ code: 'not_supported' })]);
    }
  });

  function companion(place: string): Json {
    return walk.companions?.[place] ?? {};
  }
});

test('each document allows the token when nothing is changed', () => {
  for (const [type, walk] of Object.entries(walks))
    for (const [place, at] of Object.entries(walk.places)) {
      if (walk.companions?.[place] !== undefined) continue;
      expect([type, place, isAllowed(walk, at({}))]).toEqual([type, place, true]);
    }
});
