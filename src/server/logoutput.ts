import { fstatSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { type DestinationStream, pino } from 'pino';

/** Bytes that wait to be taken, at most; what comes beyond is dropped, and counted. */
const maximumWaiting = 1024 * 1024;

/** Says whether the line was taken. */
type Take = (line: string) => boolean;

/**
 * Standard output for the log. Its reader may stop, go away, or have no disk left: the server goes on, and drops what nobody
 * takes (threats.md F20). `onDropped` is told how many lines that were once a line is taken again.
 */
export function logOutput(onDropped: (lines: number) => void): DestinationStream {
  const kind = fstatSync(1);
  const take = kind.isFIFO() || kind.isSocket() ? toReader(process.stdout) : toFile(1);
  let dropped = 0;
  return {
    write(line) {
      if (!take(line)) {
        dropped++;
        return;
      }
      const lines = dropped;
      if (lines === 0) return;
      dropped = 0;
      onDropped(lines);
      // That line may be dropped as well: then the next one tells.
      if (dropped > 0) dropped = lines;
    },
  };
}

/** Node gives a pipe what it takes at once and keeps the rest: nothing here ever waits for the reader. */
function toReader(stream: Writable): Take {
  // Without a listener a reader that went away would end the server.
  stream.on('error', () => {});
  let isFull = false;
  return (line) => {
    // Once full, until half of it is taken: else every other line would say that one was dropped.
    isFull = stream.writableLength + line.length > (isFull ? maximumWaiting / 2 : maximumWaiting);
    if (!isFull) stream.write(line);
    return !isFull;
  };
}

/**
 * A file or a terminal, written at once: with pino's other way a process whose disk is full never ends. After an error the
 * line is kept, and tried again with the next one.
 */
function toFile(fd: number): Take {
  const output = pino.destination({ fd, sync: true, maxLength: maximumWaiting });
  let isTaken = true;
  output.on('error', () => {});
  output.on('drop', () => {
    isTaken = false;
  });
  return (line) => {
    isTaken = true;
    output.write(line);
    return isTaken;
  };
}
