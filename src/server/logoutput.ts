import { fstatSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { type DestinationStream, pino } from 'pino';

/** Maximum bytes that wait for the reader. Lines beyond it are dropped and counted. */
const maximumWaiting = 1024 * 1024;

/** Writes a line; returns false when it was dropped. */
type WriteLine = (line: string) => boolean;

/**
 * Standard output for the log. When its reader stops, goes away or has a full disk, the server goes on and drops lines
 * (threats.md F20). `onDropped` is called with their number when a line is written again.
 */
export function logOutput(onDropped: (lines: number) => void): DestinationStream {
  const kind = fstatSync(1);
  const writeLine = kind.isFIFO() || kind.isSocket() ? writerToPipe(process.stdout) : writerToFile(1);
  let dropped = 0;
  return {
    write(line) {
      if (!writeLine(line)) {
        dropped++;
        return;
      }
      const lines = dropped;
      if (lines === 0) return;
      dropped = 0;
      onDropped(lines);
      // The line that `onDropped` logs may be dropped too: the next one then reports the number.
      if (dropped > 0) dropped = lines;
    },
  };
}

/** Node writes to a pipe what it accepts at once and buffers the rest, so a write never waits for the reader. */
function writerToPipe(stream: Writable): WriteLine {
  // Without a listener the error of a closed pipe would end the server.
  stream.on('error', () => {});
  let isFull = false;
  return (line) => {
    // A full buffer stays full until half of it is written; otherwise every other line would report a dropped one.
    isFull = stream.writableLength + line.length > (isFull ? maximumWaiting / 2 : maximumWaiting);
    if (!isFull) stream.write(line);
    return !isFull;
  };
}

/**
 * A file or a terminal, written synchronously: with pino's asynchronous writes a process whose disk is full never ends. After an
 * error the line is kept and written again with the next one.
 */
function writerToFile(fd: number): WriteLine {
  const output = pino.destination({ fd, sync: true, maxLength: maximumWaiting });
  let isWritten = true;
  output.on('error', () => {});
  output.on('drop', () => {
    isWritten = false;
  });
  return (line) => {
    isWritten = true;
    output.write(line);
    return isWritten;
  };
}
