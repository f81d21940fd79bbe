import { expect, it } from 'vitest'

import type { UserEvent } from '../api/types'
import { eventAsText, labelOf, renamed } from './mappingText'

const event = {
  id: 'e1',
  at: '2026-01-01T12:00:00.000Z',
  eventType: 'buy',
  partyId: 'p1',
  data: { location: 'http://h/', parameters: '{"price": 1}', remote: '192.0.2.1', novel: 'x', referer: '' },
} as unknown as UserEvent

it('keeps of an event what a mapping can be tried on', () => {
  expect(JSON.parse(eventAsText(event))).toEqual({
    event_type: 'buy', party_id: 'p1', event_id: 'e1', received_at: '2026-01-01T12:00:00.000Z',
    location: 'http://h/', remote: '192.0.2.1', parameters: { price: 1 },
  })
})

it('names an event by its type and place', () => {
  expect(labelOf(event)).toContain('buy · http://h/')
})

it('gives a copy a name of its own', () => {
  expect(renamed('name: shop\nsteps: []\n')).toBe('name: "shop 2"\nsteps: []\n')
  expect(renamed("name: 'a: b'\n")).toBe('name: "a: b 2"\n')
})
