import { z } from 'zod';
import { audienceField } from '../audience.ts';
import { textField } from '../fields.ts';

export const settings = z.strictObject({
  audience: audienceField('What the API server expects as `aud`, such as its own URL: it must be in its `audiences`.'),
  cluster: textField(
    {
      title: 'Cluster',
      description: 'The name or URL of the cluster, for people.',
      example: 'https://k8s.example.com:6443',
    },
    /^[\x20-\x7e]{1,256}$/,
    '1 to 256 printable characters',
  ).optional(),
});

export type KubernetesSettings = z.output<typeof settings>;
