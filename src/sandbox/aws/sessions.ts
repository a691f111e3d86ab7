import type { Clock } from '../../core/clock.ts';
import { createOpaqueText, type Issued, makeIssued } from '../issued.ts';
import { makeId } from './accounts.ts';

/** Temporary credentials and their owner. */
export interface Session {
  access_key_id: string;
  secret_access_key: string;
  session_token: string;
  /** Milliseconds since 1970. */
  expires_at: number;
  /** `arn:aws:sts::A:assumed-role/R/S`: without the path of the role (cloud-facts.md 1.7). */
  arn: string;
  /** `AROA…:S`. */
  user_id: string;
  account: string;
}

export interface Sessions {
  start(owner: Pick<Session, 'arn' | 'user_id' | 'account'>, duration: number): Session;
  find(accessKeyId: string): Session | undefined;
}

export function makeSessions(clock: Clock): Sessions {
  const issued: Issued<Session> = makeIssued();
  return {
    start(owner, duration) {
      const session: Session = {
        ...owner,
        access_key_id: makeId(clock, 'ASIA'),
        secret_access_key: Buffer.from(clock.random(30)).toString('base64'),
        session_token: createOpaqueText(clock, 240),
        expires_at: Math.floor(clock.now() / 1000 + duration) * 1000,
      };
      issued.put(session.access_key_id, session);
      return session;
    },
    find: issued.get,
  };
}
