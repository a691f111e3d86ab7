import { beatJob, finishJob, getJob, listWorkspaceJobs, startJob } from './jobs.ts';

export const jobActions = {
  jobs: { start: startJob, get: getJob, list: listWorkspaceJobs, end: finishJob, beat: beatJob },
};
