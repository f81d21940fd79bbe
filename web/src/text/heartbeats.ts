/** What the page of heartbeats says. */
export const heartbeatText = {
  title: 'Heartbeats',
  create: 'New ping address',
  empty: 'No heartbeats',
  emptyFiltered: 'No heartbeat matches these words.',
  emptyWhy: 'A heartbeat says that something is alive. An origin is watched from its first one on; a job gets an address that it must ping. Silence opens an alert. These lines send one:',
  state: { expired: 'Expired', failed: 'Failed', slow: 'Slow', waiting: 'No ping yet', ok: 'OK', off: 'Off' } as Record<string, string>,
  column: { status: 'Status', name: 'Origin or job', kind: 'Kind', last: 'Last received', latency: 'Latency', timeout: 'Time-out', alert: 'Alert' },
  kind: { origin: 'origin', ping: 'ping address' } as Record<string, string>,
  forEver: 'never',
  every: (every: string, grace: string) => `${every} + ${grace}`,
  fact: {
    last: 'Last received', sent: 'Sent', latency: 'Latency', most: 'Slow from', timeout: 'Time-out', every: 'Every', grace: 'May be late by', expected: 'Expected by',
    exit: 'Exit code', started: 'Started', url: 'Address to ping', customer: 'Customer', tags: 'Tags', type: 'Type', id: 'ID', about: 'About',
  },
  alert: 'Alert',
  noAlert: 'none stands',
  removeOrigin: 'It is watched no longer, and its alert is closed. Its next heartbeat brings it back.',
  removePing: 'Its address answers 404 from then on, and its alert is closed.',
} as const
