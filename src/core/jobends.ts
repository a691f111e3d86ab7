/** Why a job ended by itself: at its deadline, for lack of a heartbeat, or with the job whose array task it was. */
export type OwnEnd = 'deadline' | 'heartbeat' | 'parent';

/** Returns a sentence about the end of a job. `ended_by`: an `OwnEnd`, or the id of who ended the job. */
export function describeEnd({ id, ended_by }: { id: string; ended_by?: string | null | undefined }): string {
  switch (ended_by) {
    case null:
    case undefined:
      return `Job ${id} has ended.`;
    case 'deadline':
      return `Job ${id} ended at its deadline.`;
    case 'heartbeat':
      return `Job ${id} ended because its heartbeat did not come in time.`;
    case 'parent':
      return `Job ${id} ended with the job whose array task it was.`;
    case id:
      return `Job ${id} has ended: it ended itself.`;
    default:
      return `Job ${id} was ended by ${ended_by}.`;
  }
}
