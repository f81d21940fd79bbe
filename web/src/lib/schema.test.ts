import { describe, expect, it } from 'vitest'

import type { SchemaField } from '../api/types'
import { emptyBody, emptyValue, inputFor, labelOf, unitOf } from './schema'

function field(schema: SchemaField['schema'], more: Partial<SchemaField> = {}): SchemaField {
  return { name: 'x', doc: '', required: false, secret: false, default: null, schema, ...more }
}

const STEPS = field({
  type: 'array',
  items: { $ref: '#/$defs/Step' },
  $defs: {
    Step: { type: 'object', properties: { after: { type: 'number', default: 0 }, targets: { type: 'array', items: { $ref: '#/$defs/Target' }, default: [] } }, required: [] },
    Target: { type: 'object', properties: { channel: { type: 'string' }, to: { type: 'string', default: '' } }, required: ['channel'] },
  },
  'x-docs': { after: 'Seconds after the incident opened.' },
})

describe('inputFor', () => {
  it.each<[SchemaField, string]>([
    [field({ type: 'string' }), 'text'],
    [field({ type: 'string', format: 'password' }), 'secret'],
    [field({ type: 'string' }, { secret: true }), 'secret'],
    [field({ type: 'integer' }), 'integer'],
    [field({ type: 'number' }), 'number'],
    [field({ type: 'boolean' }), 'switch'],
    [field({ enum: ['GET', 'POST'] }), 'choice'],
    [field({ type: 'array', items: { type: 'string' } }), 'words'],
    [field({ type: 'object', additionalProperties: { type: 'string' } }), 'pairs'],
    [field({ anyOf: [{ type: 'array', items: { type: 'string' } }, { type: 'string' }] }), 'text'],
    [field({ $ref: '#/$defs/Bound', $defs: { Bound: { enum: ['above', 'below'] } } }), 'choice'],
    [STEPS, 'structs'],
    [field({}), 'raw'],
  ])('%#: a field is drawn as %s', (given, kind) => expect(inputFor(given).kind).toBe(kind))

  it('knows that a field may be null', () => {
    expect(inputFor(field({ anyOf: [{ type: 'integer' }, { type: 'null' }] }))).toMatchObject({ kind: 'integer', nullable: true })
  })

  it('draws structures within structures, with their help', () => {
    const inner = inputFor(STEPS).inner
    expect(inner.map(({ name, doc }) => [name, doc])).toEqual([['after', 'Seconds after the incident opened.'], ['targets', '']])
    const targets = inner[1]
    expect(targets && inputFor(targets).inner.map(({ name, required }) => [name, required])).toEqual([['channel', true], ['to', false]])
    expect(emptyBody(inner)).toEqual({ after: 0, targets: [] })
  })
})

describe('emptyValue', () => {
  it('is the default, copied, or the emptiest of its kind', () => {
    const list = ['Production']
    const given = field({ type: 'array', items: { type: 'string' } }, { default: list })
    expect(emptyValue(given)).toEqual(list)
    expect(emptyValue(given)).not.toBe(list)
    expect(emptyValue(field({ type: 'object', additionalProperties: { type: 'string' } }))).toEqual({})
    expect(emptyValue(field({ type: 'number' }, { required: true }))).toBeNull()
    expect(emptyValue(field({ enum: ['a', 'b'] }, { required: true }))).toBe('a')
  })
})

describe('words of a field', () => {
  it('are made from its name and its help', () => {
    expect(labelOf('max_redirects')).toBe('Max redirects')
    expect(labelOf('url')).toBe('URL')
    expect(labelOf('window_s')).toBe('Window')
    expect(unitOf({ name: 'interval', doc: 'Seconds from one run to the next.' })).toBe('s')
    expect(unitOf({ name: 'port', doc: 'Port of the server.' })).toBe('')
  })
})
