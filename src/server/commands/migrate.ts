import { Command } from 'commander';
import { loadConfig } from '../config/files.ts';
import { examples, type Terminal, textLines } from './terminal.ts';

export function migrateCommand(terminal: Terminal): Command {
  return new Command('migrate')
    .description('bring the database to the schema of this release; `serve` does it too')
    .addHelpText(
      'after',
      `${examples('arsia server migrate')}\nPostgreSQL: as the role of ARSIA_MIGRATION_DATABASE_URL, or of DATABASE_URL where that one is not set.\nA database of a newer release is refused and left as it is.\n`,
    )
    .action(async () => {
      const config = await loadConfig(terminal.env);
      const { migrateAlone } = await import('../compose/migrating.ts');
      const applied = await migrateAlone(config, ({ name, state }) => {
        if (state === 'started') terminal.tell(textLines(`applying ${name}`));
        else terminal.write(textLines(`applied ${name}`));
      });
      const count = applied.length === 0 ? 'nothing to apply' : `${applied.length} applied`;
      terminal.tell(textLines(`The database has the schema of this release: ${count}.`));
    });
}
