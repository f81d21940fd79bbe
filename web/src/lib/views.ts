/** Views of the console: what of an address they keep, and their end. */
import { useQueryClient } from '@tanstack/vue-query'
import type { LocationQuery, Router } from 'vue-router'

import * as api from '../api/calls'
import { wordsOf } from '../api/client'
import type { Said } from '../api/types'
import { text } from '../text/en'
import { say } from './toasts'

export type View = Said<'views.views'>['views'][number]

/** The query as text, without the panel that is open; '' when there is none. */
export function viewOf(router: Router, query: LocationQuery): string {
  const { open: _panel, ...kept } = query
  return router.resolve({ path: '/alerts', query: kept }).href.split('?')[1] ?? ''
}

/** Removes a view; one's own comes back by the undo, somebody else's could only come back as one's own. */
export function useViewRemoval(): (view: View) => Promise<void> {
  const queries = useQueryClient()
  const refresh = (): Promise<void> => queries.invalidateQueries({ queryKey: ['views'] })

  return async ({ id, name, query, shared, mine }) => {
    try {
      await api.views.remove(id)
      say(text.alerts.views.removed(name), mine ? { undo: () => api.views.create({ name, query, shared }).then(refresh) } : {})
    } catch (error) {
      say(wordsOf(error), { problem: true })
    }
    await refresh()
  }
}
