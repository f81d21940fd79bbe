/** Running a check now, and turning it on and off. */
import { useQueryClient } from '@tanstack/vue-query'

import * as api from '../api/calls'
import { wordsOf } from '../api/client'
import type { CheckRow } from '../api/types'
import { text } from '../text/en'
import { say } from './toasts'

export function useCheckActions(): {
  run: (check: Pick<CheckRow, 'id'>) => Promise<void>
  enable: (check: Pick<CheckRow, 'id' | 'name'>, enabled: boolean) => Promise<void>
} {
  const queries = useQueryClient()

  async function set(id: string, enabled: boolean): Promise<void> {
    const { object } = await api.objects.one('check', id)
    await api.objects.update('check', id, { ...object.body, enabled }, object.version)
  }

  async function refresh(): Promise<void> {
    await Promise.all(['checks', 'check', 'objects'].map((key) => queries.invalidateQueries({ queryKey: [key] })))
  }

  return {
    run: async ({ id }) => {
      try {
        await api.checks.run(id)
        say(text.checks.running)
      } catch (error) {
        say(wordsOf(error), { problem: true })
      }
    },
    enable: async ({ id, name }, enabled) => {
      try {
        await set(id, enabled)
        say(enabled ? text.checks.enabled(name) : text.checks.disabled(name), { undo: () => set(id, !enabled).then(refresh) })
        await refresh()
      } catch (error) {
        say(wordsOf(error), { problem: true })
      }
    },
  }
}
