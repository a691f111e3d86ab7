import { endJob, getJob, heartbeatJob, startJob } from './jobs.ts';
import { listWorkspaceJobs } from './lists.ts';

export const jobActions = {
  jobs: { start: startJob, get: getJob, list: listWorkspaceJobs, end: endJob, heartbeat: heartbeatJob },
};
