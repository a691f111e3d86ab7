import { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { loadConfig } from '../config/files.ts';
import { createLog } from '../log.ts';
import { examples, type Terminal, textLines } from './terminal.ts';

export function checkCommand(terminal: Terminal): Command {
  return new Command('check')
    .description('check settings, files, database, schema and keys; changes nothing, exits with 1 if a check fails')
    .addHelpText(
      'after',
      `${examples('arsia server check')}\nWith PostgreSQL the servers may run. With the embedded database the server must be stopped.\n`,
    )
    .action(async () => {
      const config = await loadConfig(terminal.env);
      const { checkInstallation } = await import('../compose/checking.ts');
      const surroundings = { clock: systemClock, log: createLog({ level: 'silent' }) };
      let failures = 0;
      for await (const { subject, isRight, detail } of checkInstallation(config, surroundings)) {
        if (!isRight) failures++;
        terminal.write(textLines(`${isRight ? 'ok' : 'NO'}  ${subject.padEnd(9)} ${detail}`));
      }
      if (failures > 0) throw new Error(`${failures} ${failures === 1 ? 'check' : 'checks'} failed.`);
    });
}
