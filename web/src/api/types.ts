/** What the API says: the wire's names, as the contract has them. Times are ISO 8601 texts in UTC. */

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

export interface FieldProblem {
  field: string
  reason: string
  fix?: string
}

export interface SessionInfo {
  user: { login: string; name: string; email: string; roles: string[] }
  scopes: string[]
  csrf: string
}

export interface HistoryEntry {
  id: string
  event?: string
  severity?: string
  status?: string
  value?: Json
  text?: string
  type: string
  updateTime: string
  user?: string | null
  timeout?: number
  reason?: string
}

/** A row of `/api/alerts/history`: the entry with what it belongs to. */
export interface HistoryRow extends HistoryEntry {
  resource: string
  environment: string
  service: string[]
}

export interface Alert {
  id: string
  href?: string
  environment: string
  resource: string
  event: string
  severity: string
  status: string
  correlate: string[]
  service: string[]
  group: string
  value: Json
  text: string
  tags: string[]
  attributes: Record<string, Json>
  origin: string
  type: string
  createTime: string
  timeout: number
  rawData: Json
  customer: string | null
  duplicateCount: number
  repeat: boolean
  previousSeverity: string
  trendIndication: string
  receiveTime: string
  lastReceiveId: string
  lastReceiveTime: string
  updateTime: string
  history: HistoryEntry[]
}

export interface AlertPage {
  alerts: Alert[]
  total: number
  page: number
  pageSize: number
  pages: number
  more: boolean
  severityCounts: Record<string, number>
  statusCounts: Record<string, number>
  lastTime: string | null
}

export interface AlertCounts {
  total: number
  severityCounts: Record<string, number>
  statusCounts: Record<string, number>
}

export interface EnvironmentCount {
  environment: string
  count: number
  severityCounts?: Record<string, number>
  statusCounts?: Record<string, number>
}

export interface PublicConfig {
  severity: Record<string, number>
  environments?: string[]
  timeouts?: { ack?: number; shelve?: number }
}

export type ObjectKind = 'host' | 'check' | 'service' | 'channel' | 'policy' | 'heartbeat' | 'rule'

/** JSON Schema, as far as forms understand it. */
export interface Schema {
  type?: string | string[]
  format?: string
  enum?: Json[]
  const?: Json
  anyOf?: Schema[]
  items?: Schema | boolean
  prefixItems?: Schema[]
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: Schema | boolean
  minimum?: number
  maximum?: number
  default?: Json
  description?: string
  title?: string
  $ref?: string
  /** Help for the fields of a structure within. */
  'x-docs'?: Record<string, string>
  $defs?: Record<string, Schema>
}

export interface SchemaField {
  name: string
  doc: string
  required: boolean
  secret: boolean
  default: Json
  schema: Schema
}

export interface KindSchema {
  title: string
  doc: string
  fields: SchemaField[]
}

export interface SchemaBook {
  kinds: Record<string, KindSchema>
  plugins: Record<string, Record<string, KindSchema>>
}

export type Body = Record<string, Json>

export interface ManagedObject {
  kind: ObjectKind
  id: string
  name: string
  version: number
  updatedAt: string
  updatedBy: string
  body: Body
}

export type CheckStatus = 'ok' | 'warning' | 'critical' | 'unknown' | 'pending'

export interface CheckRow {
  id: string
  name: string
  type: string
  host: string
  site: string
  pool: string
  services: string[]
  environment: string
  enabled: boolean
  interval: number
  description: string
  status: CheckStatus
  hard: boolean
  attempt: number
  since: string | null
  lastRun: string | null
  summary: string
  duration: number | null
  recent: { at: string; status: CheckStatus; duration: number | null }[]
}

export interface CheckResult {
  at: string
  status: CheckStatus
  duration: number | null
  summary: string
  details: string
  readings: { name: string; value: number | null; unit: string }[]
  worker: string
}

export interface CheckDetail {
  check: CheckRow & { body?: Body }
  results: CheckResult[]
}

export interface Pulse {
  id: string
  name: string
  url: string
  every: number
  grace: number
  lastPing: string | null
  failing: boolean
  enabled: boolean
}

export interface ServiceRow {
  id: string
  name: string
  description: string
  runbook: string
  policy: string
  status: string
  incident: { id: string; title: string; status: string; severity: string; openedAt: string } | null
  alerts: number
  checks: { id: string; name: string; status: CheckStatus }[]
}

export interface Incident {
  id: string
  service: string
  title: string
  status: 'open' | 'acknowledged' | 'resolved'
  severity: string
  environment: string
  alerts: string[]
  active: string[]
  policy: string
  step: number
  escalatesAt: string | null
  openedAt: string
  acknowledgedAt: string | null
  acknowledgedBy: string
  resolvedAt: string | null
}

export interface TimelineEntry {
  id: string
  at: string
  kind: string
  text: string
  reason: string
  by: string
  data: Record<string, Json>
}

export interface Attempt {
  number: number
  provider: string
  startedAt: string
  finishedAt: string | null
  outcome: string
  detail: string
  reference: string
}

export interface Notification {
  id: string
  channel: string
  to: string
  purpose: string
  title: string
  status: string
  createdAt: string
  doneAt: string | null
  attempts: Attempt[]
}

export interface IncidentDetail {
  incident: Incident
  timeline: TimelineEntry[]
  alerts: Alert[]
  notifications: Notification[]
}

export interface IncidentPage {
  incidents: Incident[]
  total: number
  counts: { open: number; acknowledged: number; resolved: number }
}

export interface UserEvent {
  id: string
  at: string
  eventType: string
  partyId: string
  data: Record<string, Json>
}

export interface EventMinute {
  minute: string
  total: number
  counts: Record<string, number>
}

export interface SystemStatus {
  application: string
  version: string
  uptime: number
  role: string
  keepers: { holder: string; shards: number[] }[]
  lastResultAt: string | null
  collectorUrl?: string
  /** `oldest` is how long the oldest waits, in seconds. */
  outbox: Record<string, { count: number; oldest: number }>
}

export interface UserRow {
  id: string
  login: string
  name: string
  email: string
  roles: string[]
  status: string
  createTime: string
  lastLogin: string | null
}

export interface KeyRow {
  id: string
  prefix: string
  user: string
  scopes: string[]
  text: string
  createTime: string
  expireTime: string | null
  lastUsedTime: string | null
}

export interface AuditEntry {
  at: string
  who: string
  action: string
  kind: string
  subject: string
  text: string
}
