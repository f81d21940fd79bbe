/** Taking, giving back and resolving incidents; taking can be undone. */
import { useQueryClient } from '@tanstack/vue-query'

import * as api from '../api/calls'
import { wordsOf } from '../api/client'
import { session } from '../api/session'
import type { Incident } from '../api/types'
import { text } from '../text/en'
import { say } from './toasts'

const REVERSE: Partial<Record<api.Answer, api.Answer>> = { acknowledge: 'unacknowledge', unacknowledge: 'acknowledge' }

export function useIncidentActions(): {
  answer: (id: string, what: api.Answer) => Promise<boolean>
  toggle: (incident: Pick<Incident, 'id' | 'status'>) => Promise<boolean>
  note: (id: string, words: string) => Promise<void>
} {
  const queries = useQueryClient()
  const refresh = async (): Promise<void> => {
    await Promise.all(['incidents', 'incident', 'services'].map((key) => queries.invalidateQueries({ queryKey: [key] })))
  }

  async function answer(id: string, what: api.Answer): Promise<boolean> {
    try {
      await api.incidents.answer(id, what)
    } catch (error) {
      say(wordsOf(error), { problem: true })
      return false
    }
    const back = REVERSE[what]
    const undo = back && (async () => {
      await api.incidents.answer(id, back)
      await refresh()
    })
    say(text.incidents.done[what] ?? '', undo ? { undo } : {})
    await refresh()
    return true
  }

  return {
    answer,
    toggle: async ({ id, status }) => {
      if (status === 'resolved' || !session.may('write:incidents')) return false
      return answer(id, status === 'open' ? 'acknowledge' : 'unacknowledge')
    },
    note: async (id, words) => {
      await api.incidents.note(id, words)
      await refresh()
      say(String(text.alerts.done.note))
    },
  }
}
