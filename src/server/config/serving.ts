import { group, setting } from './setting.ts';
import { address, wholeNumber } from './values.ts';

export const servingGroup = group({
  title: 'Listener',
  settings: {
    listen: setting({
      variable: 'ARSIA_LISTEN',
      meaning: 'where the server listens, `host:port`; a proxy in front terminates TLS',
      default: '127.0.0.1:8080',
      parse: address,
    }),
    /** Seconds. */
    shutdownDelay: setting({
      variable: 'ARSIA_SHUTDOWN_DELAY',
      meaning: 'seconds for which the server is not ready before it closes, so that load balancers notice',
      default: '0',
      parse: wholeNumber(0, 60),
    }),
  },
});
