import { endJob, getJob, heartbeatJob, listWorkspaceJobs, startJob } from './jobs.ts';

export const jobActions = {
  jobs: { start: startJob, get: getJob, list: listWorkspaceJobs, end: endJob, heartbeat: heartbeatJob },
};
