import { setTimeout as sleep } from 'node:timers/promises';
import { type MeasuredArsia, startArsia } from './arsia.ts';
import type { BareReady } from './bare.ts';
import { load, type Round } from './load.ts';
import type { PeerReady } from './peer.ts';
import { policyFigures } from './policies.ts';
import { type Contestant, start } from './processes.ts';
import { compare, type Figures, median, table } from './report.ts';
import { scaleFigures } from './scale.ts';
import type { SignatureRate } from './signatures.ts';
import { makeTargets, type Targets, verifyAnswer } from './targets.ts';

/** `npm run bench` measures the cost of a mint, as ratios to peers in the same run (bench/README.md). */
const rounds = 4;
const seconds = 1.5;
const signatureSeconds = 1;
const connections = [32, 128] as const;
const warmTokens = 20_000;
const manyTokens = 100_000;

type Name = keyof Targets;

/** Arsia's own endpoints. The others are peers. */
const mints: readonly Name[] = ['tokens', 'oauth2'];
const peerNames = { peer: 'bare oidc-provider', bare: 'bare path' } as const;

interface Measured {
  /** Rounds by name and number of connections. */
  loads: Record<string, Round[]>;
  /** Raw signatures per second, by round. */
  signatures: number[];
  /** Megabytes. */
  memory: { idle: number; warm: number; end: number };
  minted: { warm: number; end: number };
}

function print(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function measure(arsia: MeasuredArsia, signer: Contestant, targets: Targets): Promise<Measured> {
  const measured: Measured = {
    loads: {},
    signatures: [],
    memory: { idle: await arsia.residentMemory(), warm: 0, end: 0 },
    minted: { warm: 0, end: 0 },
  };
  const run = async (name: Name, count: number, length: { duration: number } | { amount: number }) => {
    const round = await load(targets[name], count, length);
    if (mints.includes(name)) measured.minted.end += round.answers;
    print(`  ${targets[name].name.padEnd(20)} ${String(count).padStart(4)} connections  ${round.rate.toFixed(0)}/s`);
    // Requests that are still running when the connections close must not slow the next round.
    await sleep(200);
    return round;
  };

  print(`warming up: ${warmTokens} tokens`);
  await run('tokens', 64, { amount: warmTokens });
  measured.minted.warm = measured.minted.end;
  measured.memory.warm = await arsia.residentMemory();
  for (const name of ['oauth2', 'bare', 'peer'] as const) await run(name, 64, { duration: 2 });

  for (let round = 0; round < rounds; round++) {
    print(`round ${round + 1} of ${rounds}`);
    signer.send(signatureSeconds);
    measured.signatures.push((await signer.message<SignatureRate>()).rate);
    for (const count of connections) {
      // The load of other processes varies, so the order alternates.
      const names: Name[] = ['tokens', 'peer', 'bare', 'oauth2'];
      for (const name of round % 2 === 0 ? names : names.toReversed()) {
        const key = `${name}_${count}`;
        measured.loads[key] = [...(measured.loads[key] ?? []), await run(name, count, { duration: seconds })];
      }
    }
  }
  const missing = manyTokens - measured.minted.end;
  if (missing > 0) await run('tokens', 64, { amount: missing });
  measured.memory.end = await arsia.residentMemory();
  return measured;
}

function computeFigures({ loads, signatures, memory, minted }: Measured): Figures {
  const figures: Figures = {};
  for (const name of [...mints, 'bare'] as const)
    for (const count of connections) {
      const figure = `${name}_${count}`;
      const own = loads[figure]!;
      const against = (peer: keyof typeof peerNames, member: 'rate' | 'p50' | 'p99', unit: string) => {
        const rounds = loads[`${peer}_${count}`]!;
        const [values, peers] = [own, rounds].map((side) => side.map((round) => round[member]));
        return compare(values!, peers!, unit, `${peerNames[peer]}, ${count} connections`);
      };
      figures[figure] = against('peer', 'rate', 'tokens/s');
      figures[`${figure}_p50`] = against('peer', 'p50', 'ms');
      figures[`${figure}_p99`] = against('peer', 'p99', 'ms');
      if (name !== 'bare') figures[`${figure}_of_bare`] = against('bare', 'rate', 'tokens/s');
      figures[`${figure}_of_signatures`] = compare(
        own.map((round) => round.rate),
        signatures,
        'tokens/s',
        `raw RS256 signatures (${median(signatures).toFixed(0)}/s)`,
      );
    }
  figures.memory_warm = compare(
    [memory.warm],
    [memory.idle],
    'MB',
    `resident before load, after ${minted.warm} tokens`,
  );
  figures.memory_end = compare(
    [memory.end],
    [memory.warm],
    'MB',
    `resident after ${minted.warm} tokens, after ${minted.end}`,
  );
  return figures;
}

/** Throws where a token has no audit record, which would make it faster. */
async function checkRecords(arsia: MeasuredArsia, answered: number): Promise<void> {
  const recorded = await arsia.recordedMints();
  if (recorded < answered) throw new Error(`${answered} tokens were answered and ${recorded} mints are on record.`);
  print(`${answered} tokens answered, ${recorded} mints on record`);
}

async function bench(): Promise<Figures> {
  print('starting PostgreSQL, Arsia and the peers');
  const [signer, peer] = [start('signatures.ts'), start('peer.ts')];
  const ends = [signer.stop, peer.stop];
  try {
    const [ready] = await Promise.all([peer.message<PeerReady>(), signer.message()]);
    const arsia = await startArsia();
    ends.push(arsia.stop);
    const bare = start('bare.ts', { BARE_DATABASE_URL: await arsia.createDatabase('bare') });
    ends.push(bare.stop);
    const targets = makeTargets(arsia, await bare.message<BareReady>(), ready);
    await verifyAnswer(targets.tokens, '/.well-known/jwks.json');
    await verifyAnswer(targets.oauth2, '/.well-known/jwks.json');
    await verifyAnswer(targets.bare, '/');
    await verifyAnswer(targets.peer, '/jwks');
    const measured = await measure(arsia, signer, targets);
    await checkRecords(arsia, measured.minted.end);
    return computeFigures(measured);
  } finally {
    await Promise.all(ends.map((end) => end()));
  }
}

const figures = { ...(await bench()), ...(await scaleFigures(print)), ...policyFigures() };
process.stdout.write(`${table(figures)}\n`);
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(figures)}\n`);
