export interface AudiencesTable {
  audience: string;
  organization_id: string;
  freed_at: Date | null;
}
