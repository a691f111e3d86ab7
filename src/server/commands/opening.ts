import { systemClock } from '../clock.ts';
import type { Arsia } from '../compose/compose.ts';
import type { Environment } from '../config/setting.ts';

/**
 * Opens Arsia for a command: the parts of a server without a listener and without a log. Tells where it created a sealing key.
 */
export async function openArsia(env: Environment, tell: (text: string) => void): Promise<Arsia> {
  const [{ loadConfig }, { createLog }] = await Promise.all([import('../config/files.ts'), import('../log.ts')]);
  const config = await loadConfig(env);
  const { compose } = await import('../compose/compose.ts');
  const arsia = await compose(config, {
    clock: systemClock,
    log: createLog({ level: 'silent' }),
    onNewSealingKey: (path) => tell(`sealing key   ${path} (created; back it up apart from the database)\n`),
  });
  await arsia.open();
  return arsia;
}
