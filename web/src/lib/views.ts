/** What of an address a view keeps. */
import type { LocationQuery, Router } from 'vue-router'

/** The query as text, without the panel that is open; '' when there is none. */
export function viewOf(router: Router, query: LocationQuery): string {
  const { open: _panel, ...kept } = query
  return router.resolve({ path: '/alerts', query: kept }).href.split('?')[1] ?? ''
}
