import { group, setting } from './setting.ts';
import { issuer, oneOf, trueOrFalse } from './values.ts';

export const issuerGroup = group({
  title: 'Issuer',
  settings: {
    issuer: setting({
      variable: 'ARSIA_ISSUER',
      meaning:
        'URL of the workload issuer. Clouds compare it byte for byte. The first start stores it, and no server starts with another one until `arsia server issuer change` was run',
      default: 'http://127.0.0.1:8080',
      parse: issuer,
    }),
    tenancy: setting({
      variable: 'ARSIA_TENANCY',
      meaning: '`single` (one organisation) or `multi`',
      default: 'single',
      parse: oneOf('single', 'multi'),
    }),
    allowLoopbackIssuers: setting({
      variable: 'ARSIA_OUTSIDE_ISSUERS_LOOPBACK',
      meaning:
        '`true`: service accounts may trust issuers on loopback. For development, where ARSIA_ISSUER is on loopback too',
      default: 'false',
      parse: trueOrFalse,
    }),
  },
  relationFaults: ({ values }) =>
    values.ARSIA_OUTSIDE_ISSUERS_LOOPBACK === true && !isHttpUrl(values.ARSIA_ISSUER)
      ? [
          'ARSIA_OUTSIDE_ISSUERS_LOOPBACK must be false: it is for development, where ARSIA_ISSUER is http on loopback too',
        ]
      : [],
});

export function isHttpUrl(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith('http:');
}
