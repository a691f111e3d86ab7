import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { parseConfig } from '../src/server/config/config.ts';
import { findAccessFault } from '../src/signing/sealing/sealingkeyfile.ts';

interface Container {
  name: string;
  args: string[];
  env: { name: string; value?: string; valueFrom?: { secretKeyRef: { name: string; key: string } } }[];
  volumeMounts: { name: string; mountPath: string }[];
}

interface Pod {
  terminationGracePeriodSeconds: number;
  securityContext: { runAsUser: number; runAsGroup: number; fsGroup: number };
  volumes: { name: string; secret: { secretName: string; defaultMode: number; items: { path: string }[] } }[];
  initContainers: Container[];
  containers: Container[];
}

const text = readFileSync('deploy/kubernetes.yaml', 'utf8');
// Kubernetes reads YAML 1.1, in which 0440 is octal.
const documents = parseAllDocuments(text, { version: '1.1' }).map((document) => document.toJS());
const pod: Pod = documents.find(({ kind }) => kind === 'Deployment').spec.template.spec;
const [migrate, serve] = [pod.initContainers[0]!, pod.containers[0]!];

const settingsOf = ({ env }: Container) =>
  Object.fromEntries(env.map(({ name, value }) => [name, value ?? 'postgresql://arsia:x@db.example.com/arsia']));

describe('deploy/kubernetes.yaml', () => {
  test('F19 mounts the sealing key as Arsia accepts it, where the setting names it', () => {
    const { runAsUser: user, runAsGroup, fsGroup: gid } = pod.securityContext;
    const [volume] = pod.volumes;
    // The kubelet writes the files of a Secret as root and the fsGroup.
    expect(
      findAccessFault({ mode: volume!.secret.defaultMode, uid: 0, gid }, { user, groups: [runAsGroup, gid] }),
    ).toBe(undefined);
    expect(volume!.secret.defaultMode).toBe(0o440);
    for (const container of [migrate, serve]) {
      expect(container.volumeMounts).toMatchObject([{ name: volume!.name }]);
      const path = `${container.volumeMounts[0]!.mountPath}/${volume!.secret.items[0]!.path}`;
      expect(settingsOf(container).ARSIA_SEALING_KEY_FILE).toBe(path);
    }
  });

  test('has valid settings, and gives the role that owns the tables to the migration alone', () => {
    const { shutdownDelay, issuer } = parseConfig(settingsOf(serve));
    expect(parseConfig(settingsOf(migrate)).issuer).toBe(issuer);
    expect(Object.keys(settingsOf(serve))).not.toContain('ARSIA_MIGRATION_DATABASE_URL');
    expect(Object.keys(settingsOf(migrate))).toContain('ARSIA_MIGRATION_DATABASE_URL');
    expect([migrate.args, serve.args]).toEqual([['server', 'migrate'], ['serve']]);
    // The server drains for at most 25 s.
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(shutdownDelay + 25);
  });

  test('reads from the secret only what its own instructions put there', () => {
    const created = [...text.matchAll(/--from-(?:file|literal)=([\w.-]+)/g)].map(([, key]) => key!);
    const read = [migrate, serve].flatMap(({ env }) => env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []));
    expect(new Set([...read.map(({ key }) => key), 'sealing.key'])).toEqual(new Set(created));
    expect(new Set(read.map(({ name }) => name))).toEqual(new Set(['arsia']));
    expect(pod.volumes[0]!.secret.secretName).toBe('arsia');
  });
});

test('each `docker run` of the README keeps the volumes of the image, and the server has valid settings', () => {
  const [, block] = /```sh\n(docker run [\s\S]*?)```/.exec(readFileSync('README.md', 'utf8'))!;
  const dockerfile = readFileSync('Dockerfile', 'utf8');
  const runs = block!.split('docker run ').slice(1);
  expect(runs).toHaveLength(2);
  for (const run of runs) {
    const mounted = [...run.matchAll(/-v [\w-]+:(\S+)/g)].map(([, path]) => path);
    expect(mounted).toEqual(JSON.parse(/^VOLUME (.+)$/m.exec(dockerfile)![1]!));
  }
  const settings = Object.fromEntries([...block!.matchAll(/-e (\w+)=(\S+)/g)].map(([, name, value]) => [name, value]));
  expect(parseConfig(settings).issuer).toBe('http://127.0.0.1:8080');
  expect(dockerfile).toMatch(/ARSIA_DATA=\/var\/lib\/arsia$/m);
});
