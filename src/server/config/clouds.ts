import { endpointSettings } from '../../providers/registry.ts';
import { group, setting } from './setting.ts';
import { wholeNumber } from './values.ts';

export const cloudsGroup = group({
  title: 'Clouds',
  settings: {
    /** Seconds. */
    deadline: setting({
      variable: 'ARSIA_CLOUD_DEADLINE',
      meaning: 'seconds that one exchange may take',
      default: '10',
      parse: wholeNumber(1, 60),
    }),
    concurrency: setting({
      variable: 'ARSIA_CLOUD_CONCURRENCY',
      meaning: 'exchanges at once per endpoint',
      default: '64',
      parse: wholeNumber(1, 1000),
    }),
  },
});

/** The endpoints that the providers declare, by the names of `CloudEndpoints`. */
export const endpointsGroup = group({ title: 'Cloud endpoints', settings: endpointSettings });
