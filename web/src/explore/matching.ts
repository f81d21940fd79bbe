/** The live tail narrowed in the page: words that must occur, or conditions as everywhere. */
import type { Json, UserEvent } from '../api/types'

const CONDITION = /^([A-Za-z0-9_.-]+)(!=|!~|>=|<=|=|~|>|<)(.*)$/s

function parametersOf(event: UserEvent): unknown {
  const found = event.data.parameters
  if (typeof found !== 'string' || !found) return found
  try {
    return JSON.parse(found) as unknown
  } catch {
    return undefined
  }
}

function valueOf(event: UserEvent, field: string): unknown {
  if (field === 'event_type') return event.eventType
  if (field === 'party_id') return event.partyId
  if (field === 'event_id') return event.id
  if (!field.startsWith('parameters.')) return event.data[field]
  return field
    .slice('parameters.'.length)
    .split('.')
    .reduce<unknown>((value, name) => (value && typeof value === 'object' ? (value as Record<string, Json>)[name] : undefined), parametersOf(event))
}

function holds(found: unknown, op: string, value: string): boolean {
  const known = found !== undefined && found !== null && found !== ''
  if (value === '*' && (op === '=' || op === '!=')) return known === (op === '=')
  const text = !known ? '' : typeof found === 'string' ? found : JSON.stringify(found)
  switch (op) {
    case '=':
      return known && text === value
    case '!=':
      return !known || text !== value
    case '~':
      return known && text.toLowerCase().includes(value.toLowerCase())
    case '!~':
      return !known || !text.toLowerCase().includes(value.toLowerCase())
    default: {
      const [left, right] = [Number(text), Number(value)]
      if (!known || Number.isNaN(left) || Number.isNaN(right)) return false
      return op === '>=' ? left >= right : op === '<=' ? left <= right : op === '>' ? left > right : left < right
    }
  }
}

/** Whether an event fulfils everything that was typed. */
export function matcher(typed: string): (event: UserEvent) => boolean {
  const tests = typed
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => {
      const [, field, op, value] = CONDITION.exec(word) ?? []
      if (field && op && value !== undefined) return (event: UserEvent) => holds(valueOf(event, field), op, value)
      const wanted = word.toLowerCase()
      return (event: UserEvent) => JSON.stringify(event).toLowerCase().includes(wanted)
    })
  return (event) => tests.every((test) => test(event))
}
