/** One line that says what a managed object is. */
import type { Body, Json, ObjectKind } from '../api/types'
import { lengthOf } from './time'

const words = (value: Json | undefined): string => (value === undefined || value === null ? '' : Array.isArray(value) ? value.join(', ') : String(value))

function stepOf(step: Json): string {
  const { after, targets } = (step ?? {}) as Body
  const who = ((targets ?? []) as Body[]).map((one) => [one.channel, one.to].map(words).filter(Boolean).join(' → '))
  return `${Number(after) ? `after ${lengthOf(Number(after))}` : 'at once'}: ${who.join(', ')}`
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
    case 'rule':
      return `${words(body.bound)} ${words(body.threshold)} in ${lengthOf(Number(body.window_s))}`
    default:
      return words(body.description)
  }
}
