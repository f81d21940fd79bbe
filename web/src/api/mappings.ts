/** Mappings: a stored one as text, and what one would make of an event. */
import { get, post } from './client'
import type { Json, Said, Schemas, Wire } from './types'

export type MappingProblem = Wire<Schemas['MappingProblem']>
export type MappingStep = Wire<Schemas['MappingStep']>
export type MappingAttempt = Said<'mappings.attempt'>

export const mappings = {
  attempt: (text: string, event: Json) => post<MappingAttempt>('/mappings/try', { text, event }),
  text: (id: string) => get<Said<'mappings.text'>>(`/mappings/${encodeURIComponent(id)}/text`),
}
