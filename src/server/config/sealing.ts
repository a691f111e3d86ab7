import { group, setting } from './setting.ts';
import { text } from './values.ts';

export const sealingGroup = group({
  title: 'Sealing key',
  settings: {
    sealingKeyFile: setting({
      variable: 'ARSIA_SEALING_KEY_FILE',
      meaning:
        '32 bytes as base64, the same for every replica: `openssl rand -base64 32`. Mode 0600; 0640 if root owns it; 0440 through a group of the process. Required with PostgreSQL; the embedded database makes one in `keys/` beside `ARSIA_DATA`. Back it up apart from the database',
      parse: text,
    }),
  },
});
