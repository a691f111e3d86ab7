import { keyReloadInterval, keyRetryInterval } from '../../core/lifetimes.ts';
import type { Keyring } from './keyring.ts';

/**
 * Keeps keyrings up to date: reloads them every 10 s (so that a replica has every change within 30 s), and rotates keys that
 * are due. A failed turn is reported and retried after 2 s. Returns the function that stops this after the running turn.
 */
export function keepFresh(
  keyrings: readonly Keyring[],
  onError: (thrown: unknown) => void,
  interval = keyReloadInterval * 1000,
): () => Promise<void> {
  let isStopped = false;
  let turn: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout;
  const wait = (pause: number) => {
    // Unref'd, so that the timer does not keep the process alive. The next wait starts after the turn, so turns never
    // overlap.
    timer = setTimeout(() => {
      turn = runTurn(keyrings, onError).then((isDone) => {
        if (!isStopped) wait(isDone ? interval : Math.min(interval, keyRetryInterval * 1000));
      });
    }, pause).unref();
  };
  wait(interval);
  return async () => {
    isStopped = true;
    clearTimeout(timer);
    await turn;
  };
}

/** Resolves false where a keyring failed. */
async function runTurn(keyrings: readonly Keyring[], onError: (thrown: unknown) => void): Promise<boolean> {
  let isDone = true;
  for (const keyring of keyrings) {
    try {
      await keyring.reload();
      if (keyring.fault() === undefined) await keyring.rotate();
    } catch (thrown) {
      isDone = false;
      onError(thrown);
    }
  }
  return isDone;
}
