/** One function per route that the pages use. */
import { del, get, post, put, type Query } from './client'
import type {
  Alert,
  AlertCounts,
  AlertPage,
  AuditEntry,
  Body,
  CheckDetail,
  CheckRow,
  EnvironmentCount,
  EventMinute,
  HistoryRow,
  Incident,
  IncidentDetail,
  IncidentPage,
  KeyRow,
  ManagedObject,
  ObjectKind,
  PublicConfig,
  Pulse,
  SchemaBook,
  ServiceRow,
  SystemStatus,
  UserEvent,
  UserRow,
} from './types'

const at = (id: string): string => encodeURIComponent(id)

export const alerts = {
  list: (query: Query, signal?: AbortSignal) => get<AlertPage>('/alerts', query, signal),
  counts: (query: Query = {}) => get<AlertCounts>('/alerts/count', query),
  history: (query: Query) => get<{ history: HistoryRow[] }>('/alerts/history', query),
  environments: (query: Query = {}) => get<{ environments: EnvironmentCount[] }>('/environments', query),
  one: (id: string) => get<{ alert: Alert }>(`/alert/${at(id)}`),
  act: (id: string, action: string, text = '', timeout?: number) =>
    put(`/alert/${at(id)}/action`, { action, text, ...(timeout === undefined ? {} : { timeout }) }),
  note: (id: string, text: string) => put(`/alert/${at(id)}/note`, { text }),
  remove: (id: string) => del(`/alert/${at(id)}`),
}

export const config = {
  read: () => get<PublicConfig>('/config'),
  schema: () => get<SchemaBook>('/schema'),
  status: () => get<SystemStatus>('/status'),
  audit: () => get<{ entries: AuditEntry[] }>('/audit'),
}

export const objects = {
  list: (kind: ObjectKind) => get<{ objects: ManagedObject[]; total: number }>(`/objects/${kind}`),
  one: (kind: ObjectKind, id: string) =>
    get<{ object: ManagedObject; past: ManagedObject[] }>(`/objects/${kind}/${at(id)}`),
  create: (kind: ObjectKind, body: Body) => post<{ id: string; object: ManagedObject }>(`/objects/${kind}`, body),
  update: (kind: ObjectKind, id: string, body: Body, ifVersion?: number) =>
    put<{ object: ManagedObject }>(
      `/objects/${kind}/${at(id)}`,
      body,
      ifVersion === undefined ? {} : { 'if-version': ifVersion },
    ),
  remove: (kind: ObjectKind, id: string) => del(`/objects/${kind}/${at(id)}`),
}

export const checks = {
  list: () => get<{ checks: CheckRow[]; total: number }>('/checks'),
  one: (id: string) => get<CheckDetail>(`/check/${at(id)}`),
  run: (id: string) => post<{ runId: string }>(`/check/${at(id)}/run`),
}

export const pulses = { list: () => get<{ pulses: Pulse[] }>('/pulses') }
export const services = { list: () => get<{ services: ServiceRow[] }>('/service-status') }

export type Answer = 'acknowledge' | 'unacknowledge' | 'resolve'

export const incidents = {
  list: (query: Query) => get<IncidentPage>('/incidents', query),
  one: (id: string) => get<IncidentDetail>(`/incident/${at(id)}`),
  answer: (id: string, what: Answer, text = '') => put<{ incident: Incident }>(`/incident/${at(id)}/${what}`, { text }),
  note: (id: string, text: string) => post(`/incident/${at(id)}/note`, { text }),
}

export const events = {
  tail: (limit = 100) => get<{ events: UserEvent[] }>('/events/tail', { limit }),
  minutes: (minutes = 60) => get<{ minutes: EventMinute[] }>('/events/minutes', { minutes }),
}

export const people = {
  users: () => get<{ users: UserRow[]; total: number }>('/users'),
  createUser: (user: Body) => post<{ id: string; user: UserRow }>('/user', user),
  updateUser: (id: string, user: Body) => put<{ user: UserRow }>(`/user/${at(id)}`, user),
  removeUser: (id: string) => del(`/user/${at(id)}`),
  keys: () => get<{ keys: KeyRow[]; total: number }>('/keys'),
  createKey: (key: Body) => post<{ key: string; data: KeyRow }>('/key', key),
  removeKey: (id: string) => del(`/key/${at(id)}`),
}
