/** The alarm model: which statuses there are, what they mean, and what can be done. Alerta's until the server says another. */
import { shallowRef } from 'vue'

import type { SessionInfo } from '../api/types'

type Alarms = SessionInfo['alarms']
export type Phase = Alarms['phases'][string]

const ALERTA: Alarms = {
  statuses: ['open', 'assign', 'ack', 'shelved', 'blackout', 'closed', 'expired', 'unknown'],
  phases: { open: 'open', ack: 'taken', shelved: 'shelved', blackout: 'muted', closed: 'closed', expired: 'expired' },
  shown: ['open', 'ack'],
  actions: ['ack', 'assign', 'close', 'expired', 'open', 'shelve', 'timeout', 'unack', 'unshelve'],
  own_actions: [],
}
const alarms = shallowRef<Alarms>(ALERTA)

/** Take the model of this installation; without one it is Alerta's. */
export function takeAlarms(taken: Alarms = ALERTA): void {
  alarms.value = taken
}

/** Where in its life an alert of this status stands. */
export const phaseOf = (status: string): Phase => alarms.value.phases[status] ?? 'open'

/** The statuses that a filter offers: those that alerts come to by themselves. */
export const statusNames = (): string[] => alarms.value.statuses.filter((one) => !['assign', 'unknown'].includes(one))

/** What needs somebody, or is looked after: what a list shows first. */
export const shownStatuses = (): string[] => [...alarms.value.shown]

/** The same without what is well again. */
export const standingStatuses = (): string[] => alarms.value.shown.filter((one) => phaseOf(one) !== 'cleared')

/** What nobody has taken yet. */
export const waitingStatuses = (): string[] => alarms.value.shown.filter((one) => phaseOf(one) === 'open')

/** Whether the model decides about the action; any other leaves alerts where they are. */
export const hasAction = (action: string): boolean => alarms.value.actions.includes(action)

/** What this installation does to alerts besides. */
export const ownActions = (): string[] => [...alarms.value.own_actions]
