/** The one client of the peer. */
export const peerClient = {
  id: 'launcher',
  secret: 'only-for-the-benchmark',
  resource: 'https://api.example',
  scope: 'mint',
} as const;
