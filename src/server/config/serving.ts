import { group, setting } from './setting.ts';
import { address, wholeNumber } from './values.ts';

export const servingGroup = group({
  title: 'Listener',
  settings: {
    listen: setting({
      variable: 'ARSIA_LISTEN',
      meaning: 'where the server listens, `host:port`; TLS ends in front of it',
      default: '127.0.0.1:8080',
      parse: address,
    }),
    /** Seconds. */
    shutdownDelay: setting({
      variable: 'ARSIA_SHUTDOWN_DELAY',
      meaning: 'seconds between not ready and closed, for load balancers',
      default: '0',
      parse: wholeNumber(0, 60),
    }),
  },
});
