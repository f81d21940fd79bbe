/** Where the rail leads, and `g` with a letter: to the pages that whoever looks may see. */
import type { RouteLocationRaw } from 'vue-router'

import { session } from '../api/session'
import { shownStatuses } from '../lib/alarms'

/** `needs` is the scope without which the page is a refusal. */
export const GO_TO = [
  { key: 'n', page: 'now', path: '/', needs: '' },
  { key: 'a', page: 'alerts', path: '/alerts', needs: 'read:alerts' },
  { key: 'i', page: 'incidents', path: '/incidents', needs: 'read:incidents' },
  { key: 's', page: 'services', path: '/services', needs: 'read:services' },
  { key: 'c', page: 'checks', path: '/checks', needs: 'read:checks' },
  { key: 'h', page: 'heartbeats', path: '/heartbeats', needs: 'read:heartbeats' },
  { key: 'e', page: 'events', path: '/events', needs: 'read:events' },
  { key: 'b', page: 'blackouts', path: '/blackouts', needs: 'read:blackouts' },
  { key: 'r', page: 'reports', path: '/reports', needs: 'read:alerts' },
  { key: ',', page: 'settings', path: '/settings', needs: '' },
] as const

export type Place = (typeof GO_TO)[number]

export const places = (): Place[] => GO_TO.filter(({ needs }) => !needs || session.may(needs))

/** The alerts that need somebody, or are looked after: what their list shows first, from wherever it is opened. */
export const firstAlerts = (): { path: string; query: { status: string[] } } => ({ path: '/alerts', query: { status: shownStatuses() } })

export const wayTo = ({ page, path }: Place): RouteLocationRaw => (page === 'alerts' ? firstAlerts() : path)
