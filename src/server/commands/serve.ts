import { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { loadConfig } from '../config/files.ts';
import { createLog } from '../log.ts';
import type { Terminal } from './terminal.ts';

export function serveCommand(terminal: Terminal): Command {
  return new Command('serve')
    .description('run the server')
    .addHelpText(
      'after',
      '\n`arsia server --help` lists the settings. SIGTERM or SIGINT stops the server once the running requests have ended.\n',
    )
    .action(() => serve(terminal));
}

/** Imports the parts once the settings are known to be valid: the SDKs of three clouds take a second to load. */
async function serve(terminal: Terminal): Promise<void> {
  const config = await loadConfig(terminal.env);
  const log = createLog({ level: config.logLevel });
  const [{ compose }, { loadSdks }, { lowerPoolPriority }] = await Promise.all([
    import('../compose/compose.ts'),
    import('../../providers/registry.ts'),
    import('../poolpriority.ts'),
  ]);
  const arsia = await compose(config, { clock: systemClock, log });
  await Promise.all([lowerPoolPriority(), loadSdks()]);
  await arsia.start();
  const { address, port } = arsia.address();
  log.info({ issuer: config.issuer, address, port, node: process.version }, 'listening');
  const signal = await Promise.race([terminal.untilSignal(), arsia.failure]);
  log.info({ signal }, 'stopping');
  await arsia.stop();
  // A blocked reader of the log must not keep the process alive.
  terminal.exitAfter(1000);
}
