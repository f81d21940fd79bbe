/** What people do to alerts: at once, on many, and undoable for ten seconds. */
import { useQueryClient } from '@tanstack/vue-query'

import * as api from '../api/calls'
import { wordsOf, type Query } from '../api/client'
import type { Alert } from '../api/types'
import { text } from '../text/en'
import { hasAction, phaseOf, statusNames, type Phase } from './alarms'
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

/** From where each action leads on. */
const FROM: Record<Action, readonly Phase[]> = {
  ack: ['open', 'cleared'],
  unack: ['taken'],
  shelve: ['open', 'taken', 'cleared'],
  unshelve: ['shelved'],
  close: ['open', 'taken', 'shelved', 'muted', 'cleared'],
  open: ['closed', 'expired'],
}

/** Whether the action changes anything for an alert of this status. */
export function applies(action: Action, status: string): boolean {
  // Where nobody closes alerts, what is over opens by itself.
  return hasAction(action) && (action !== 'open' || hasAction('close')) && FROM[action].includes(phaseOf(status))
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
  action: string,
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

/** Of the statuses that a filter asks for, if it asks for any, those for which the action changes something. */
export function startingFrom(action: Action, query: Query): string[] {
  const asked = query.status === undefined ? statusNames() : [query.status].flat().map(String)
  return asked.filter((one) => applies(action, one))
}

export function useAlertActions(): {
  actOnAll: (action: Action, query: Query) => Promise<void>
  actOwn: (action: string, alerts: readonly Alert[]) => Promise<void>
  actOwnOnAll: (action: string, query: Query) => Promise<void>
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

  function complain(whys: readonly string[]): void {
    if (whys.length) throw new Error(text.alerts.failed(whys.length, whys[0] ?? ''))
  }

  /** Give each the status back that it had. */
  async function restore(former: ReadonlyMap<string, readonly string[]>): Promise<void> {
    const whys: string[] = []
    for (const [status, ids] of former) for (const some of chunks(ids)) whys.push(...Object.values((await api.alerts.setStatus(some, status)).refused ?? {}))
    complain(whys)
  }

  /** What was closed is again what it was; what has changed since stays, and is told. */
  async function reopen(ids: readonly string[]): Promise<void> {
    const whys: string[] = []
    for (const some of chunks(ids)) whys.push(...Object.values((await api.alerts.undoClosing(some)).refused ?? {}))
    complain(whys)
  }

  async function reverse(action: Action, ids: readonly string[]): Promise<void> {
    const { failed, why } = await actOnIds(REVERSE[action], ids)
    if (failed) throw new Error(text.alerts.failed(failed, why))
  }

  /**
   * Before the lists follow: who undoes what is seen to have changed must not undo what was done before it.
   * `former` are the ids by the status that they had.
   */
  function tell(action: Action, done: readonly string[], former: ReadonlyMap<string, readonly string[]> = new Map()): void {
    const words = text.alerts.done[action]
    // Whoever undoes says that it is undone, or why it is not.
    const undo = async (): Promise<void> => {
      try {
        // Where nobody closes alerts, no action leads back to every state that these lead from.
        if (!hasAction('close') && (action === 'ack' || action === 'shelve')) await restore(former)
        else if (action === 'close') await reopen(done)
        else await reverse(action, done)
      } finally {
        await refresh()
      }
    }
    if (done.length) say(typeof words === 'function' ? words(done.length) : '', { undo })
  }

  /** On everything that matches, seen or not; those for which it makes no sense stay as they are. */
  async function actOnAll(action: Action, query: Query): Promise<void> {
    const timeout = action === 'shelve' ? SHELVE_SECONDS : undefined
    const former = new Map<string, string[]>()
    try {
      // A model without closing refuses nothing: only where it leads on it is asked, and where each was is known.
      for (const status of hasAction('close') ? [''] : startingFrom(action, query)) {
        const { updated } = await api.alerts.actOnAll(status ? { ...query, status } : query, action, '', timeout)
        if (updated.length) former.set(status, updated)
      }
      if (former.size) tell(action, [...former.values()].flat(), former)
      else say(text.alerts.nothingChanged)
    } catch (error) {
      say(wordsOf(error), { problem: true })
    }
    await refresh()
  }

  async function act(wanted: Action, alerts: readonly Alert[]): Promise<void> {
    const action = chosenAction(wanted, alerts)
    const taken = alerts.filter(({ status }) => applies(action, status))
    if (!taken.length) return
    const { updated, failed, why } = await actOnIds(action, taken.map(({ id }) => id))
    if (failed) say(text.alerts.failed(failed, why), { problem: true })
    const done = new Set(updated)
    const former = new Map<string, string[]>()
    for (const { id, status } of taken) if (done.has(id)) former.set(status, [...(former.get(status) ?? []), id])
    tell(action, updated, former)
    await refresh()
  }

  /** What an installation does besides changes no status, so there is nothing to take back. */
  async function actOwn(action: string, alerts: readonly Alert[]): Promise<void> {
    const { updated, failed, why } = await actOnIds(action, alerts.map(({ id }) => id))
    if (failed) say(text.alerts.failed(failed, why), { problem: true })
    if (updated.length) say(text.alerts.doneOwn(action, updated.length))
    await refresh()
  }

  async function actOwnOnAll(action: string, query: Query): Promise<void> {
    try {
      const { updated } = await api.alerts.actOnAll(query, action)
      say(updated.length ? text.alerts.doneOwn(action, updated.length) : text.alerts.nothingChanged)
    } catch (error) {
      say(wordsOf(error), { problem: true })
    }
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
      try {
        for (const [whose, theirs] of former) for (const some of chunks(theirs)) await api.alerts.assign(some, whose)
      } finally {
        await refresh()
      }
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

  return { act, actOnAll, actOwn, actOwnOnAll, note, assign, watch, remove }
}
