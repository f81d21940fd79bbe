/** Which fields of an event rule matter, given what is chosen: the rest would only confuse. */
import type { Body, SchemaField } from '../api/types'

const ALWAYS = ['name', 'measure', 'filter', 'where']
const BY_KIND: Record<string, readonly string[]> = {
  count: [],
  rate: ['per'],
  ratio: ['of_filter', 'of_where', 'at_least'],
  distinct: ['field'],
  percentile: ['field', 'percentile', 'at_least'],
  funnel: ['steps', 'within_s', 'at_least'],
  absence: [],
}
const LEARNED = ['tolerance', 'timezone', 'holidays', 'holiday_as']

function bounds(body: Body): string[] {
  if (body.measure === 'absence') return []
  if (body.learn === true) return ['bound', 'learn', 'tolerance']
  return ['bound', 'learn', 'threshold', ...(body.bound === 'both' ? ['upper'] : [])]
}

/** Fields in the order of the form: those that are shown at once, and those one click away. */
export function ruleFields(body: Body, fields: readonly SchemaField[]): { first: SchemaField[]; rest: SchemaField[] } {
  const kind = String(body.measure ?? 'count')
  const asked = ALWAYS.filter((name) => kind !== 'funnel' || (name !== 'filter' && name !== 'where'))
  const names = [...asked, ...(BY_KIND[kind] ?? []), 'window_s', ...bounds(body), 'severity', 'service']
  const hidden = new Set(Object.values(BY_KIND).flat().concat(['learn', 'bound', 'threshold', 'upper', ...LEARNED]))
  if (kind === 'funnel') for (const name of ['filter', 'where', 'group_by', 'max_groups']) hidden.add(name)
  if (kind === 'absence') for (const name of ['fire_after', 'recover_after']) hidden.add(name)
  if (body.learn === true) for (const name of LEARNED) hidden.delete(name)
  const first = names.flatMap((name) => fields.filter((field) => field.name === name))
  const rest = fields.filter((field) => !names.includes(field.name) && !hidden.has(field.name))
  return { first, rest }
}
