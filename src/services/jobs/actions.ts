import { endJob, getJob, getOwnJob, heartbeatJob, listWorkspaceJobs, startJob } from './jobs.ts';

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
