/** What the API says about the events of the past. */
import { get } from '../api/client'
import type { Json, Said, Schemas, Wire } from '../api/types'

export type ArchiveState = Said<'explore.archive'>
export type CountsAnswer = Wire<Schemas['CountsAnswer']>
export type NumbersAnswer = Wire<Schemas['NumbersAnswer']>
export type TopAnswer = Wire<Schemas['TopAnswer']>
export type FunnelAnswer = Wire<Schemas['FunnelAnswer']>

/** One event: its known fields, its parameters as data, and the request behind it. */
export interface PastEvent {
  [field: string]: Json
  position: string
  received_ms: number
  parameters: Json
  raw: Record<string, Json>
}

export type RecordsAnswer = Omit<Schemas['RecordsAnswer'], 'records'> & { records: PastEvent[] }
type PastSession = Omit<Schemas['PastSession'], 'events'> & { events: PastEvent[] }
export type SessionsAnswer = Omit<Schemas['SessionsAnswer'], 'sessions'> & { sessions: PastSession[] }

export type Question = { ask: string; last?: number; from?: string; to?: string; where?: string[] } & Record<string, Json | undefined>

export const archiveState = (): Promise<ArchiveState> => get<ArchiveState>('/events/archive')
