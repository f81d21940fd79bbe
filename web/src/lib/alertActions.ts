/** What people do to alerts: at once, on many, and undoable for ten seconds. */
import { useQueryClient } from '@tanstack/vue-query'

import * as api from '../api/calls'
import { wordsOf, type Query } from '../api/client'
import type { Alert } from '../api/types'
import { text } from '../text/en'
import { say } from './toasts'

export type Action = 'ack' | 'unack' | 'shelve' | 'unshelve' | 'close' | 'open'

/** Whose the alert is; '' when it is nobody's. */
export function assigneeOf(alert: Pick<Alert, 'attributes'>): string {
  const found = alert.attributes.assignee
  return typeof found === 'string' ? found : ''
}

/** The tag that says that somebody watches an alert, as Alerta's pages have it. */
export const watchTag = (login: string): string => `watch:${login}`

export const SHELVE_SECONDS = 7200
const AT_ONCE = 6
/** How many ids an address holds. */
const BULK = 80
const REVERSE: Record<Action, Action> = { ack: 'unack', unack: 'ack', shelve: 'unshelve', unshelve: 'shelve', close: 'open', open: 'close' }

/** Whether the action changes anything for an alert of this status. */
export function applies(action: Action, status: string): boolean {
  switch (action) {
    case 'ack':
      return status === 'open'
    case 'unack':
      return status === 'ack'
    case 'shelve':
      return status === 'open' || status === 'ack'
    case 'unshelve':
      return status === 'shelved'
    case 'close':
      return status !== 'closed' && status !== 'expired'
    case 'open':
      return status === 'closed' || status === 'expired'
  }
}

/** A key is pressed again to take back what it did: on alerts that are all acknowledged, `a` gives them back. */
export function chosenAction(action: Action, alerts: readonly Pick<Alert, 'status'>[]): Action {
  const takes = alerts.some(({ status }) => applies(action, status))
  return takes || !alerts.every(({ status }) => applies(REVERSE[action], status)) ? action : REVERSE[action]
}

/** Run `act` for each id, a few at a time; answers what failed. */
export async function forEach(ids: readonly string[], act: (id: string) => Promise<unknown>): Promise<{ failed: number; why: string }> {
  const waiting = [...ids]
  let failed = 0
  let why = ''
  const lane = async (): Promise<void> => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      try {
        await act(id)
      } catch (error) {
        failed += 1
        why = wordsOf(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, ids.length) }, lane))
  return { failed, why }
}

/** As many ids at a time as an address holds. */
export function chunks(ids: readonly string[], size = BULK): string[][] {
  return Array.from({ length: Math.ceil(ids.length / size) }, (_, at) => ids.slice(at * size, (at + 1) * size))
}

/** Act on alerts by their ids, many in one request; answers the ids that were changed and what failed. */
export async function actOnIds(
  action: Action,
  ids: readonly string[],
  send: typeof api.alerts.actOnAll = api.alerts.actOnAll,
): Promise<{ updated: string[]; failed: number; why: string }> {
  const timeout = action === 'shelve' ? SHELVE_SECONDS : undefined
  const updated: string[] = []
  const done = { failed: 0, why: '' }
  for (const some of chunks(ids)) {
    try {
      const answer = await send({ id: some }, action, '', timeout)
      updated.push(...answer.updated)
      const refused = Object.values(answer.refused)
      done.failed += refused.length
      done.why = refused[0] ?? done.why
    } catch (error) {
      done.failed += some.length
      done.why = wordsOf(error)
    }
  }
  return { updated, ...done }
}

export function useAlertActions(): {
  actOnAll: (action: Action, query: Query) => Promise<void>
  act: (action: Action, alerts: readonly Alert[]) => Promise<void>
  note: (alerts: readonly Alert[], words: string) => Promise<void>
  assign: (alerts: readonly Alert[], to: string) => Promise<void>
  watch: (alert: Alert, login: string) => Promise<void>
  remove: (alert: Alert) => Promise<void>
} {
  const queries = useQueryClient()

  const refresh = async (): Promise<void> => {
    await Promise.all(['alerts', 'alert', 'services', 'incidents', 'incident'].map((key) => queries.invalidateQueries({ queryKey: [key] })))
  }

  async function run(action: Action, ids: readonly string[]): Promise<string[]> {
    const { updated, failed, why } = await actOnIds(action, ids)
    if (failed) say(text.alerts.failed(failed, why), { problem: true })
    return updated
  }

  /** Before the lists follow: who undoes what is seen to have changed must not undo what was done before it. */
  function tell(action: Action, done: readonly string[], acknowledged: ReadonlySet<string> = new Set()): void {
    const words = text.alerts.done[action]
    const undo = async (): Promise<void> => {
      const back = await run(REVERSE[action], done)
      // What is opened again is nobody's; whoever had it has it again.
      const theirs = action === 'close' ? back.filter((id) => acknowledged.has(id)) : []
      if (theirs.length) await run('ack', theirs)
      await refresh()
    }
    if (done.length) say(typeof words === 'function' ? words(done.length) : '', { undo })
  }

  /** On everything that matches, seen or not; those for which it makes no sense stay as they are. */
  async function actOnAll(action: Action, query: Query): Promise<void> {
    try {
      const { updated } = await api.alerts.actOnAll(query, action, '', action === 'shelve' ? SHELVE_SECONDS : undefined)
      if (updated.length) tell(action, updated)
      else say(text.alerts.nothingChanged)
    } catch (error) {
      say(wordsOf(error), { problem: true })
    }
    await refresh()
  }

  async function act(wanted: Action, alerts: readonly Alert[]): Promise<void> {
    const action = chosenAction(wanted, alerts)
    const ids = alerts.filter(({ status }) => applies(action, status)).map(({ id }) => id)
    if (!ids.length) return
    const acknowledged = new Set(alerts.filter(({ status }) => status === 'ack').map(({ id }) => id))
    tell(action, await run(action, ids), acknowledged)
    await refresh()
  }

  async function note(alerts: readonly Alert[], words: string): Promise<void> {
    const { failed, why } = await forEach(alerts.map(({ id }) => id), (id) => api.alerts.note(id, words))
    await refresh()
    if (failed) throw new Error(text.alerts.failed(failed, why))
    say(String(text.alerts.done.note))
  }

  /** Make alerts somebody's; undone, each is again whose it was. */
  async function assign(alerts: readonly Alert[], to: string): Promise<void> {
    const former = new Map<string, string[]>()
    for (const alert of alerts) if (assigneeOf(alert) !== to) former.set(assigneeOf(alert), [...(former.get(assigneeOf(alert)) ?? []), alert.id])
    const ids = [...former.values()].flat()
    if (!ids.length) return
    for (const some of chunks(ids)) await api.alerts.assign(some, to)
    const undo = async (): Promise<void> => {
      for (const [whose, theirs] of former) for (const some of chunks(theirs)) await api.alerts.assign(some, whose)
      await refresh()
    }
    say(to ? text.alerts.assigned(ids.length, to) : text.alerts.givenAway(ids.length), { undo })
    await refresh()
  }

  /** Watch an alert, or no longer. */
  async function watch(alert: Alert, login: string): Promise<void> {
    const tags = [watchTag(login)]
    try {
      await (alert.tags.includes(tags[0] ?? '') ? api.alerts.untag(alert.id, tags) : api.alerts.tag(alert.id, tags))
    } catch (error) {
      say(wordsOf(error), { problem: true })
    }
    await refresh()
  }

  async function remove(alert: Alert): Promise<void> {
    await api.alerts.remove(alert.id)
    await refresh()
    say(String(text.alerts.done.remove))
  }

  return { act, actOnAll, note, assign, watch, remove }
}
