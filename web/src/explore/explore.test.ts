/** What the page decides by itself: conditions, the time in an address, and the narrowed live tail. */
import { describe, expect, it } from 'vitest'

import type { UserEvent } from '../api/types'
import { DEFAULT_SPAN, isCondition, spanOf } from './address'
import { matcher } from './matching'

const event: UserEvent = {
  id: 'e1',
  at: '2026-01-01T12:00:00Z',
  eventType: 'checkout',
  partyId: '0:p:1',
  data: { location: 'https://shop.example/pay', source: 'browser', corrupt: false, parameters: '{"total": 12.5, "basket": {"size": 3}}' },
}

describe('a condition', () => {
  it.each(['event_type=checkout', 'parameters.total>=10', 'location~shop', 'party_id!=*', 'a<b'])('is %s', (text) => {
    expect(isCondition(text)).toBe(true)
  })
  it.each(['checkout', '=x', '', '; DROP TABLE'])('is not %j', (text) => {
    expect(isCondition(text)).toBe(false)
  })
})

describe('the time of an address', () => {
  it('is the last day unless it says otherwise', () => {
    expect(spanOf({})).toEqual({ last: DEFAULT_SPAN })
    expect(spanOf({ last: '3600' })).toEqual({ last: 3600 })
    expect(spanOf({ last: '-1' })).toEqual({ last: DEFAULT_SPAN })
  })
  it('may be a stretch, which must have a length', () => {
    const [from, to] = ['2026-01-01T12:00:00Z', '2026-01-01T13:00:00Z']
    expect(spanOf({ from, to })).toEqual({ from, to })
    expect(spanOf({ from: to, to: from })).toEqual({ last: DEFAULT_SPAN })
    expect(spanOf({ from: 'x', to })).toEqual({ last: DEFAULT_SPAN })
  })
})

describe('the live tail', () => {
  it.each([
    ['checkout', true],
    ['SHOP.example', true],
    ['nothing', false],
    ['event_type=checkout', true],
    ['event_type!=checkout', false],
    ['parameters.total>=12.5', true],
    ['parameters.total>12.5', false],
    ['parameters.basket.size=3', true],
    ['parameters.none=*', false],
    ['parameters.none!=*', true],
    ['corrupt=false', true],
    ['location~PAY source=browser', true],
    ['location~PAY source=other', false],
  ])('narrowed by %s: %s', (typed, holds) => {
    expect(matcher(typed)(event)).toBe(holds)
  })
})
