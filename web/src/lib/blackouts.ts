/** Blackouts as the pages see them: what they are for, how they stand by the clock, and what a form begins with. */
import type { Blackout, Body, Json } from '../api/types'
import { toStored } from './moments'

export type State = Blackout['status']

/** Every environment. */
const EVERY = '*'
/** Later than this is for ever: it lasts until it is deleted. */
const FOR_EVER = '2900'

/** What an alert must have, as pairs of a field and its values, the environment first. */
export function conditions(one: Pick<Blackout, 'environment' | 'resource' | 'event' | 'group' | 'service' | 'tags' | 'origin' | 'customer' | 'query'>): [field: string, values: string[]][] {
  const { environment, resource, event, group, service, tags, origin, customer, query } = one
  const pairs: [string, (string | null)[]][] = [
    ['environment', [environment]], ['resource', [resource]], ['event', [event]], ['group', [group]],
    ['service', service], ['tags', tags], ['origin', [origin]], ['customer', [customer]], ['query', [query]],
  ]
  return pairs.map(([field, values]): [string, string[]] => [field, values.flatMap((value) => value || [])]).filter(([, values]) => values.length)
}

/** `environment` when nothing else narrows it, `origin` when nothing but who sent the alerts does. */
export function reach(body: Body | Blackout): 'environment' | 'origin' | undefined {
  const given = (field: string): boolean => String((body as Body)[field] ?? '') !== ''
  if (!given('environment') || (body as Body).environment === EVERY) return undefined
  if (['resource', 'event', 'group', 'service', 'tags', 'customer', 'query'].some(given)) return undefined
  return given('origin') ? 'origin' : 'environment'
}

/** How it stands now. What was read a moment ago may have begun or ended since. */
export function stateAt(one: Pick<Blackout, 'startTime' | 'endTime'>, now: number): State {
  if (now < Date.parse(one.startTime)) return 'pending'
  return now < Date.parse(one.endTime) ? 'active' : 'expired'
}

export const lastsForEver = (one: Pick<Blackout, 'endTime'>): boolean => one.endTime > FOR_EVER

/** What the preview asks. */
export function previewOf(one: Blackout): Body {
  const { environment, service, tags, accept } = one
  const texts = Object.fromEntries((['resource', 'event', 'group', 'origin', 'customer', 'query'] as const).map((field) => [field, one[field] ?? '']))
  return { name: 'preview', environment, ...texts, service: [...service], tags: [...tags], accept: [...accept] }
}

interface Beginning {
  now: Date
  /** Seconds. */
  length: number
  login: string
}

/** A new one begins now and lasts as long as the settings say. */
export function beginning(empty: Body, { now, length, login }: Beginning): Body {
  return { ...empty, start: toStored(now), duration: length, user: login, created: toStored(now) }
}

/** A copy is whose copies it. One that recurs keeps its times; one that does not begins now and lasts as long as the other did. */
export function copied(copy: Body, { now, length, login }: Beginning): Body {
  const mine = { ...copy, user: login, created: toStored(now), ended: '' }
  if (copy.recurrence) return mine
  const time = (value: Json | undefined): number => Date.parse(String(value ?? ''))
  const lasted = (time(copy.end) - time(copy.start)) / 1000
  return { ...mine, start: toStored(now), end: '', duration: Number(copy.duration) || (lasted > 0 ? Math.round(lasted) : length) }
}
