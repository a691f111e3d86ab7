import { group, setting } from './setting.ts';
import { oneOf, wholeNumber } from './values.ts';

export const observabilityGroup = group({
  title: 'Audit and log',
  settings: {
    /** Seconds. */
    auditInterval: setting({
      variable: 'ARSIA_AUDIT_INTERVAL',
      meaning: 'seconds between two signed checkpoints of the audit',
      default: '10',
      parse: wholeNumber(1, 3600),
    }),
    logLevel: setting({
      variable: 'ARSIA_LOG_LEVEL',
      meaning: '`debug`, `info`, `warn`, `error` or `silent`',
      default: 'info',
      parse: oneOf('debug', 'info', 'warn', 'error', 'silent'),
    }),
  },
});
