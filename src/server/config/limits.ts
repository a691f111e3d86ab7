import { group, setting } from './setting.ts';
import { proxies, wholeNumber } from './values.ts';

export const limitsGroup = group({
  title: 'Limits',
  settings: {
    rate: setting({
      variable: 'ARSIA_RATE_LIMIT',
      meaning:
        'requests per second that one caller may send to one replica, with a burst of twice as many; 0: no limit',
      default: '200',
      parse: wholeNumber(0, 1_000_000),
    }),
    trustedProxies: setting({
      variable: 'ARSIA_TRUSTED_PROXIES',
      meaning:
        'proxies whose `X-Forwarded-For` is trusted: their number, or their addresses and networks, comma-separated (`10.0.0.0/8`). With 0 all callers behind a proxy share one address and its limits',
      default: '0',
      parse: proxies,
    }),
  },
});
