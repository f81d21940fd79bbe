/** Event rules: what one judged, what it would have said, and rules to start from. */
import { get, post } from './client'
import type { Body, Said, Schemas, Wire } from './types'

export type RuleWindow = Wire<Schemas['RuleWindow']>
export type RuleEpisode = Wire<Schemas['RuleEpisode']>
export type RuleHistory = Said<'rules.windows'>
export type RulePreview = Said<'rules.preview'>
export type RulePreset = Wire<Schemas['RulePreset']>

const at = (id: string): string => encodeURIComponent(id)

export const rules = {
  presets: () => get<Said<'rules.presets'>>('/rules/presets'),
  windows: (id: string, hours: number, group?: string) =>
    get<RuleHistory>(`/rules/${at(id)}/windows`, { hours, ...(group === undefined ? {} : { group }) }),
  preview: (rule: Body, of: string, hours = 168) => post<RulePreview>('/rules/preview', { rule, of, hours }),
}
