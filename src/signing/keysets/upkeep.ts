import { keyReloadInterval, keyRetryInterval } from '../../core/lifetimes.ts';
import type { Keyring } from './keyring.ts';

/**
 * Keeps keyrings with the store: reads them every 10 s (a replica that missed the news catches up within 30 s), and rotates
 * when it is due. A failed turn is reported and tried again after 2 s. Returns what stops it, after the running turn.
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
    // Unref'd: a process that has nothing else to do may end. The next wait starts after the turn, so turns never pile up.
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

/** Resolves false where something failed. */
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
