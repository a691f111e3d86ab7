import { systemClock } from '../clock.ts';
import type { Arsia } from '../compose/compose.ts';
import type { Environment } from '../config/setting.ts';
import type { Opening } from './terminal.ts';

/**
 * Opens Arsia for a command: the parts of a server without a listener and without a log. Tells where it created a sealing key.
 * Throws an Error where there is no embedded database and the command may not create one.
 */
export async function openArsia(
  env: Environment,
  { changed, mayCreate = false }: Opening,
  tell: (text: string) => void,
): Promise<Arsia> {
  const [{ loadConfig }, { createLog }] = await Promise.all([import('../config/files.ts'), import('../log.ts')]);
  const config = await loadConfig({ ...env, ...changed });
  const [{ compose }, { describeMissingDatabase }] = await Promise.all([
    import('../compose/compose.ts'),
    import('../compose/embeddedkey.ts'),
  ]);
  const missing = mayCreate ? undefined : describeMissingDatabase(config.database);
  if (missing !== undefined) throw new Error(missing);
  const arsia = await compose(config, {
    clock: systemClock,
    log: createLog({ level: 'silent' }),
    onNewSealingKey: (path) => tell(`sealing key   ${path} (created; back it up apart from the database)\n`),
  });
  await arsia.open();
  return arsia;
}
