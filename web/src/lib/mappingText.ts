/** Events and mappings as the text that people edit. */
import type { Json, UserEvent } from '../api/types'

/** What of a shown event a mapping can be tried on; the server refuses names that it does not know. */
const KEPT = ['location', 'referer', 'session_id', 'page_view_id', 'source', 'remote', 'user_agent', 'parameters', 'corrupt', 'duplicate']

function parametersOf(given: Json | undefined): Json | undefined {
  if (typeof given !== 'string' || !given) return given === '' ? undefined : given
  try {
    return JSON.parse(given) as Json
  } catch {
    return given
  }
}

export function eventAsText(event: UserEvent): string {
  const shown: Record<string, Json> = { event_type: event.eventType, party_id: event.partyId, event_id: event.id, ...(event.at ? { received_at: event.at } : {}) }
  for (const name of KEPT) {
    const value = name === 'parameters' ? parametersOf(event.data.parameters) : event.data[name]
    if (value !== undefined && value !== '') shown[name] = value
  }
  return JSON.stringify(shown, null, 2)
}

export function labelOf(event: UserEvent): string {
  const time = event.at ? new Date(event.at).toLocaleTimeString() : ''
  const place = typeof event.data.location === 'string' ? event.data.location : ''
  return [time, event.eventType, place].filter(Boolean).join(' · ').slice(0, 120)
}

/** A copy has a name of its own. */
export function renamed(text: string): string {
  return text.replace(/^name: *(.*)$/m, (_whole, name: string) => {
    const bare = name.replace(/^(['"])(.*)\1$/, '$2')
    return `name: ${JSON.stringify(`${bare} 2`)}`
  })
}
