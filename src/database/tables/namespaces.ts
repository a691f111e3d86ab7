export interface OrganizationQuotasTable {
  organization_id: string;
  name: string;
  value: number;
}
