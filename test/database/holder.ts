import { openAsBlob } from 'node:fs';
import { createDatabase } from '../../src/database/database.ts';
import { openEmbedded } from '../../src/database/embedded.ts';
import { createAuditStore } from '../../src/store/audit/events.ts';
import { auditKeys, event } from '../store/events.ts';

/** A process of its own that holds an embedded database and records events until it is killed; prints each when it is committed. */
const [folder, template] = process.argv.slice(2);
const database = createDatabase(await openEmbedded({ folder: folder!, template: await openAsBlob(template!) }));
const audit = createAuditStore(database, { ...auditKeys, maximumBatch: 20 });
process.stdout.write('open\n');
const writer = async () => {
  for (;;) process.stdout.write(`${(await audit.record(event())).event_id}\n`);
};
await Promise.all(Array.from({ length: 30 }, writer)).catch(() => process.exit(1));
