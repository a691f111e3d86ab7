import { endJob, getJob, getOwnJob, heartbeatJob, startJob } from './jobs.ts';
import { listWorkspaceJobs } from './lists.ts';

export const jobActions = {
  jobs: {
    start: startJob,
    get: getJob,
    getOwn: getOwnJob,
    list: listWorkspaceJobs,
    end: endJob,
    heartbeat: heartbeatJob,
  },
};
