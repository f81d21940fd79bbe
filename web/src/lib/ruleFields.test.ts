import { describe, expect, it } from 'vitest'

import type { SchemaField } from '../api/types'
import { ruleFields } from './ruleFields'

const NAMES = [
  'name', 'measure', 'filter', 'where', 'window_s', 'per', 'field', 'percentile', 'of_filter', 'of_where', 'steps', 'within_s', 'at_least', 'group_by',
  'max_groups', 'bound', 'threshold', 'upper', 'learn', 'tolerance', 'timezone', 'holidays', 'holiday_as', 'fire_after', 'severity', 'service', 'text',
]
const fields = NAMES.map((name) => ({ name, doc: '', required: false, secret: false, default: null, schema: {} }) as SchemaField)
const named = (body: Record<string, string | boolean>) => {
  const { first, rest } = ruleFields(body, fields)
  return { first: first.map(({ name }) => name), rest: rest.map(({ name }) => name) }
}

describe('the fields of a rule', () => {
  it('asks for what the kind needs', () => {
    expect(named({ measure: 'count', bound: 'below' }).first).toEqual(['name', 'measure', 'filter', 'where', 'window_s', 'bound', 'learn', 'threshold', 'severity', 'service'])
    expect(named({ measure: 'ratio' }).first).toContain('of_filter')
    expect(named({ measure: 'percentile' }).first).toContain('percentile')
    expect(named({ measure: 'funnel' }).first).not.toContain('filter')
    expect(named({ measure: 'funnel' }).rest).not.toContain('group_by')
  })

  it('shows bounds as they are chosen', () => {
    expect(named({ measure: 'count', bound: 'both' }).first).toContain('upper')
    expect(named({ measure: 'count', learn: true }).first).not.toContain('threshold')
    expect(named({ measure: 'count', learn: true }).rest).toContain('holidays')
    expect(named({ measure: 'count', learn: false }).rest).not.toContain('holidays')
    expect(named({ measure: 'absence' }).first).not.toContain('threshold')
  })

  it('shows no field twice', () => {
    for (const kind of ['count', 'rate', 'ratio', 'distinct', 'percentile', 'funnel', 'absence']) {
      const { first, rest } = named({ measure: kind, bound: 'both' })
      expect(new Set([...first, ...rest]).size).toBe(first.length + rest.length)
    }
  })
})
