/** `g` and then a letter goes to a page. */
export const GO_TO = [
  { key: 'n', page: 'now', path: '/' },
  { key: 'a', page: 'alerts', path: '/alerts' },
  { key: 'i', page: 'incidents', path: '/incidents' },
  { key: 's', page: 'services', path: '/services' },
  { key: 'c', page: 'checks', path: '/checks' },
  { key: 'h', page: 'heartbeats', path: '/heartbeats' },
  { key: 'e', page: 'events', path: '/events' },
  { key: 'b', page: 'blackouts', path: '/blackouts' },
  { key: 'r', page: 'reports', path: '/reports' },
  { key: ',', page: 'settings', path: '/settings' },
] as const
