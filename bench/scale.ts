import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../src/demo/client.ts';
import { encoded } from '../src/demo/organization.ts';
import { type MeasuredArsia, startArsia } from './arsia.ts';
import { fill, filled, filledPath } from './fill.ts';
import { json, load, type Round, type Target } from './load.ts';
import { compare, type Figures } from './report.ts';

/** Compares a filled organisation with an almost empty one, in alternating rounds. */
const rounds = 8;
const seconds = 1;
const connections = 32;
const warmTokens = 8_000;
const pagesEach = 60;
/** The page size for reaching the end of a list (the maximum), and the page size that is measured. */
const walkingPage = 200;
const page = 50;

export async function scaleFigures(print: (text: string) => void): Promise<Figures> {
  const [empty, full] = await Promise.all([startArsia(), startArsia()]);
  try {
    const begun = performance.now();
    await full.execute(fill('acme', { user: full.organization.user, launcher: 'pipelines' }));
    print(`filled an organisation in ${((performance.now() - begun) / 1000).toFixed(0)} s`);
    const lists = { ...(await listFigures(full, 'workspaces')), ...(await listFigures(full, 'managed-identities')) };
    return { ...(await mintFigures(await emptyTarget(empty), await fullTarget(full), print)), ...lists };
  } finally {
    await Promise.all([empty.stop(), full.stop()]);
  }
}

async function mintFigures(empty: Target, full: Target, print: (text: string) => void): Promise<Figures> {
  for (const target of [empty, full]) await load(target, connections, { amount: warmTokens });
  const [inEmpty, inFull]: [Round[], Round[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const turns = [
      { target: empty, taken: inEmpty },
      { target: full, taken: inFull },
    ] as const;
    for (const { target, taken } of round % 2 === 0 ? turns : turns.toReversed()) {
      taken.push(await load(target, connections, { duration: seconds }));
      print(`  ${target.name.padEnd(28)} p50 ${taken.at(-1)!.p50} ms  ${taken.at(-1)!.rate.toFixed(0)}/s`);
      await sleep(200);
    }
  }
  const against = `an empty organisation, ${connections} connections`;
  const figure = (member: 'rate' | 'p50' | 'p99', unit: string) =>
    compare(
      inFull.map((round) => round[member]),
      inEmpty.map((round) => round[member]),
      unit,
      against,
    );
  return {
    [`scale_tokens_${connections}`]: figure('rate', 'tokens/s'),
    [`scale_tokens_${connections}_p50`]: figure('p50', 'ms'),
    [`scale_tokens_${connections}_p99`]: figure('p99', 'ms'),
  };
}

function makeTarget(arsia: MeasuredArsia, name: string, jobs: { token: string; identity: string }[]): Target {
  const requests = jobs.map(({ token, identity }) => json(token, { managed_identity: identity }));
  return { name, origin: arsia.issuer, path: '/api/v1/tokens', requests };
}

function emptyTarget(arsia: MeasuredArsia): Target {
  const identity = arsia.identities[0]!;
  return makeTarget(
    arsia,
    'an empty organisation',
    arsia.jobTokens.map((token) => ({ token, identity })),
  );
}

/** Starts one job per connection, each in its own workspace; half of them in the group with thousands of workspaces. */
async function fullTarget(arsia: MeasuredArsia): Promise<Target> {
  const { launcher, user } = arsia.organization;
  const jobs: { token: string; identity: string }[] = [];
  for (let count = 1; count <= connections; count++) {
    const n = count % 2 === 0 ? count : filled.workspaces - 1_000 * count;
    const workspace = encoded(filledPath('acme', 'workspace', n));
    const { job_token } = await launcher.send('POST', `/workspaces/${workspace}/jobs`, { user, stage: 'run' });
    jobs.push({ token: String(job_token), identity: filledPath('acme', 'identity', n) });
  }
  return makeTarget(arsia, `${filled.identities} identities`, jobs);
}

/** Compares the last page of a list with the first, in alternating rounds. */
async function listFigures(arsia: MeasuredArsia, list: 'workspaces' | 'managed-identities'): Promise<Figures> {
  const { admin } = arsia.organization;
  const last = await lastPage(admin, list);
  const [atStart, atEnd]: [number[], number[]] = [[], []];
  for (let turn = 0; turn < pagesEach; turn++) {
    atStart.push(await timed(admin, `/${list}?limit=${page}`));
    atEnd.push(await timed(admin, `/${list}?limit=${page}&cursor=${last}`));
  }
  const against = `the first page of ${filled.workspaces}`;
  return { [`scale_${list.replace('-', '_')}_last_page`]: compare(atEnd, atStart, 'ms', against) };
}

/** Returns the cursor before the last full page. Throws where the list returned too few rows. */
async function lastPage(admin: Client, list: string): Promise<string> {
  let cursor = '';
  const seen = new Set<unknown>();
  let last = '';
  do {
    const path = `/${list}?limit=${walkingPage}${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const { items, next_cursor } = (await admin.send('GET', path)) as unknown as Page;
    for (const item of items) seen.add(item.id);
    // The cursor of the second-to-last page, since the last one may be short.
    if (next_cursor !== undefined && next_cursor !== null) last = cursor;
    cursor = next_cursor ?? '';
  } while (cursor !== '');
  if (seen.size < filled.workspaces) throw new Error(`/${list} returned ${seen.size} rows of ${filled.workspaces}.`);
  return last;
}

interface Page {
  items: { id: string }[];
  next_cursor?: string | null;
}

/** Milliseconds. */
async function timed(admin: Client, path: string): Promise<number> {
  const begun = performance.now();
  const { items } = (await admin.send('GET', path)) as unknown as Page;
  if (items.length !== page) throw new Error(`${path} answered ${items.length} rows, not ${page}.`);
  return performance.now() - begun;
}
