/** One line that says what a managed object is. */
import type { Body, Json, ObjectKind } from '../api/types'
import { lengthOf } from './time'

const words = (value: Json | undefined): string => (value === undefined || value === null ? '' : Array.isArray(value) ? value.join(', ') : String(value))

function stepOf(step: Json): string {
  const { after, targets } = (step ?? {}) as Body
  const who = ((targets ?? []) as Body[]).map((one) => [one.channel, one.to].map(words).filter(Boolean).join(' → '))
  return `${Number(after) ? `after ${lengthOf(Number(after))}` : 'at once'}: ${who.join(', ')}`
}

/** As `ratio below 5 in 1 min`, `count learned in 5 min`, `absence of 10 min`. */
function ruleSummary(body: Body): string {
  const kind = words(body.measure) || 'count'
  const length = lengthOf(Number(body.window_s))
  if (kind === 'absence') return `absence of ${length}`
  const bounds = body.learn === true ? 'learned' : body.bound === 'both' ? `between ${words(body.threshold)} and ${words(body.upper)}` : `${words(body.bound)} ${words(body.threshold)}`
  return `${kind} ${bounds} in ${length}`
}

/** As `browser → kafka · 12 fields`; without sources or sinks it is all of them. */
function mappingSummary(body: Body): string {
  const fields = ((body.schema ?? {}) as Body).fields
  const way = [words(body.sources), words(body.sinks)].map((one) => one || 'all').join(' → ')
  const what = Array.isArray(fields) ? `${String(fields.length)} fields` : 'default record'
  return [way, what, body.enabled === false ? 'off' : ''].filter(Boolean).join(' · ')
}

export function summaryOf(kind: ObjectKind, body: Body): string {
  switch (kind) {
    case 'channel': {
      const config = (body.config ?? {}) as Body
      return [words(body.type), words(config.to ?? config.sender ?? config.host), words(config.url)].filter((one) => one && one !== '••••').join(' · ')
    }
    case 'policy':
      return ((body.steps ?? []) as Json[]).map(stepOf).join('; ')
    case 'host':
      return [words(body.address), words(body.site), words(body.tags)].filter(Boolean).join(' · ')
    case 'mapping':
      return mappingSummary(body)
    case 'rule':
      return ruleSummary(body)
    default:
      return words(body.description)
  }
}
