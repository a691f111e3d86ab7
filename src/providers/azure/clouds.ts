/** The clouds of Entra, each with its authority and its own form of the audience (cloud-facts.md 2.1, 2.4). */
export interface AzureCloud {
  audience: string;
  /** Undefined for air-gapped clouds, whose authority only the operator knows. */
  authority: string | undefined;
  /** Default scope: Azure Resource Manager. */
  scope: string | undefined;
  portal: string;
}

export const cloudNames = ['public', 'usgov', 'china', 'usnat', 'ussec'] as const;
export type CloudName = (typeof cloudNames)[number];

export const clouds: Readonly<Record<CloudName, AzureCloud>> = {
  public: {
    audience: 'api://AzureADTokenExchange',
    authority: 'https://login.microsoftonline.com',
    scope: 'https://management.azure.com/.default',
    portal: 'the Azure portal',
  },
  usgov: {
    audience: 'api://AzureADTokenExchangeUSGov',
    authority: 'https://login.microsoftonline.us',
    scope: 'https://management.usgovcloudapi.net/.default',
    portal: 'the Azure Government portal',
  },
  china: {
    audience: 'api://AzureADTokenExchangeChina',
    authority: 'https://login.partner.microsoftonline.cn',
    scope: 'https://management.chinacloudapi.cn/.default',
    portal: 'the Azure China portal',
  },
  usnat: {
    audience: 'api://AzureADTokenExchangeUSNat',
    authority: undefined,
    scope: undefined,
    portal: 'the portal of your Azure cloud',
  },
  ussec: {
    audience: 'api://AzureADTokenExchangeUSSec',
    authority: undefined,
    scope: undefined,
    portal: 'the portal of your Azure cloud',
  },
};
