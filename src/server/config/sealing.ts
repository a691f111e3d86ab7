import { group, setting } from './setting.ts';
import { text } from './values.ts';

export const sealingGroup = group({
  title: 'Sealing key',
  settings: {
    sealingKeyFile: setting({
      variable: 'ARSIA_SEALING_KEY_FILE',
      meaning:
        '32 bytes as base64, mode 0600, the same for every replica: `openssl rand -base64 32`. Required with PostgreSQL. Back it up apart from the database',
      parse: text,
    }),
  },
});
