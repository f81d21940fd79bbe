// @vitest-environment node
import { describe, expect, it } from 'vitest'

import { queryString } from './event'
import { fakePage } from './fakes'
import { newIdentifier } from './identifiers'
import { mincode } from './mincode'
import { murmur3 } from './text'
import { vectors } from './vectors'

const SPECIAL: Record<string, number> = { NaN: NaN, '-0': -0 }

describe('murmur3', () => {
  it.each(vectors.murmur3_32)('hashes $input_utf8', ({ input_utf8, signed, base36 }) => {
    expect(murmur3(input_utf8)).toBe(signed)
    expect(murmur3(input_utf8).toString(36)).toBe(base36)
  })
})

describe('mincode', () => {
  it.each(vectors.mincode_encode)('encodes as $mincode', (one) => {
    expect(mincode(one.js ? SPECIAL[one.js] : one.json)).toBe(one.mincode)
  })

  it('leaves out and replaces what JSON does', () => {
    const odd = {
      date: new Date(Date.UTC(2015, 5, 13, 15, 49, 33, 2)),
      bad: new Date(NaN),
      none: undefined,
      call: () => 1,
      list: [undefined, () => 1, { toJSON: () => 'custom' }, { toJSON: () => undefined }, NaN, Infinity],
      named: { toJSON: (key: string) => key },
      boxed: [new String('s'), new Number(1.5), new Boolean(false)],
      pattern: /x/,
    }
    expect(mincode(odd)).toBe(mincode(JSON.parse(JSON.stringify(odd))))
    expect(mincode(undefined)).toBe('')
  })

  it('encodes everything that Divolte tested in a browser', () => {
    const none = undefined
    const given = {
      a: {}, b: 'c', c: 'A string with lots of things to escape… !+~?=;()-_[]<>%|^`&"\'', d: { a: [], b: 'g' },
      e: ['1', '2'], f: 42, g: 53.2, h: -37, i: -7.83e-9, j: true, k: false, l: null,
      m: new Date(Date.UTC(2015, 5, 13, 15, 49, 33, 2)), n: { a: none }, o: [{}, { a: 'b' }, { c: 'd' }],
      p: [null, none, { a: 'b' }, { toJSON: () => 'custom' }, { toJSON: () => none }, {}],
      q: { a: { toJSON: () => none } },
    }
    expect(JSON.parse(JSON.stringify(given))).toEqual(vectors.mincode_encode_selenium.rendered_json)
    expect(mincode(given)).toBe(mincode(vectors.mincode_encode_selenium.rendered_json))
  })

  it('takes only own properties', () => {
    expect(mincode(Object.create({ inherited: 1 }, { own: { value: 1, enumerable: true } }))).toBe('(down!1!)')
  })
})

describe('checksum', () => {
  const complete = vectors.browser_requests.filter((one) => one.correct_checksum)
  it.each(complete)('of $path_and_query', ({ path_and_query, correct_checksum }) => {
    const given = new URLSearchParams(path_and_query.split('?')[1])
    given.delete('x')
    const names = [...new Set(given.keys())]
    if ([...given.keys()].length > names.length) return // the tag never repeats a parameter
    const query = queryString(names.map((name) => [name, given.get(name)!]))
    expect(new URLSearchParams(query).get('x')).toBe(correct_checksum)
  })

  it('stands last, and survives halves of surrogate pairs', () => {
    const query = queryString([['t', 'a\ud800b😀'], ['r', undefined], ['c', 1_700_000_000_000]])
    expect(query).toMatch(/^t=a%EF%BF%BDb%F0%9F%98%80&c=loyw3v28&x=-?[0-9a-z]+$/)
  })
})

describe('identifiers', () => {
  it('have the format, and the time where it is asked for', () => {
    const { window } = fakePage()
    expect(newIdentifier(window, 1_700_000_000_000)).toMatch(new RegExp(vectors.identifier_format.tag_regex))
    expect(newIdentifier(window, 1_700_000_000_000)).toMatch(/^0:loyw3v28:/)
    expect(newIdentifier(window)).toMatch(new RegExp(vectors.identifier_format.page_view_id_regex))
  })

  it('use the whole alphabet of six bits', () => {
    const { window } = fakePage({ random: ['LZElFJzyis9tve~fwv891KsAe9lB~PXi'] })
    expect(newIdentifier(window)).toBe('0:LZElFJzyis9tve~fwv891KsAe9lB~PXi')
  })

  it('are marked where there is no good source of randomness', () => {
    expect(newIdentifier({} as Window)).toMatch(/^0:[A-Za-z0-9~_]{32}!$/)
  })

  it('differ', () => {
    const { window } = fakePage()
    expect(new Set(Array.from({ length: 1000 }, () => newIdentifier(window))).size).toBe(1000)
  })
})
