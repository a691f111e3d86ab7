import type { PathFact } from '../../providers/provider.ts';
import { listShownIdentities } from '../../store/namespaces/moves.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import { readStoredSettings } from '../identities/storedsettings.ts';
import type { Context } from '../pipeline/action.ts';

/** Identities that are looked at, and warnings of an answer. */
const mostIdentities = 200;
const mostWarnings = 20;

/**
 * Returns, for each identity whose tokens show a path that a rename or move changed, where a trust document can compare it.
 * `namespace` is the renamed or moved one.
 */
export async function listPathWarnings(context: Context, { id, kind }: Namespace): Promise<string[]> {
  const { identities, total } = await listShownIdentities(context.db, id, mostIdentities);
  const warnings = identities.flatMap(({ is_below, is_used_below, ...identity }) => {
    const { provider, settings } = readStoredSettings(identity);
    const changed: PathFact[] = [
      ...(is_below ? (['identity'] as const) : []),
      ...(is_used_below ? (['workspace', ...(kind === 'group' ? (['group'] as const) : [])] as const) : []),
    ];
    const shown = provider.federated?.listShownPaths?.(settings) ?? [];
    const places = shown.filter(({ fact }) => changed.includes(fact)).map(({ fact, where }) => `${where} (${fact})`);
    return places.length === 0
      ? []
      : [
          `Tokens of ${identity.path} show a path that has changed: ${places.join(', ')}. Change what compares the old one.`,
        ];
  });
  const more = total - identities.length + Math.max(0, warnings.length - mostWarnings);
  return [
    ...warnings.slice(0, mostWarnings),
    ...(more > 0 ? [`${more} further identities may be concerned: look at their trust documents.`] : []),
  ];
}
