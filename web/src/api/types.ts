/**
 * What the API says, by the names that the pages use. The types come from the API's own description: `make api-types`
 * writes `schema.d.ts`. Only what is ours stands here: JSON Schema as forms understand it. Times are ISO 8601 in UTC.
 */
import type { components, operations } from './schema'

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

export type Schemas = components['schemas']

/** What the description leaves open is JSON all the same. */
export type Wire<T> = unknown extends T ? Json : T extends object ? { [Name in keyof T]: Wire<T[Name]> } : T

/** What an operation answers when all is well. */
export type Said<Id extends keyof operations> = Wire<
  operations[Id]['responses'] extends
    | { 200: { content: { 'application/json': infer Answer } } }
    | { 201: { content: { 'application/json': infer Answer } } }
    | { 202: { content: { 'application/json': infer Answer } } }
    ? Answer
    : never
>

export type FieldProblem = Omit<Schemas['FieldError'], 'fix'> & { fix?: string }
export type SessionInfo = Said<'session.current'>
export type HistoryEntry = Wire<Schemas['HistoryLine']>

/** A row of `/api/alerts/history`: the entry with what it belongs to. */
export type HistoryRow = Wire<Schemas['RichHistoryLine']>
export type Alert = Wire<Schemas['AlertBody']>
export type PastAlert = Wire<Schemas['PastBody']>
export type AlertReport = Said<'reports.alerts'>
export type AlertPage = Said<'alerts.many'>
export type AlertCounts = Said<'alerts.count'>
export type EnvironmentCount = Wire<Schemas['EnvironmentCount']>
export type PublicConfig = Said<'client_config.config'>

export type ObjectKind = 'host' | 'check' | 'service' | 'channel' | 'policy' | 'heartbeat' | 'mapping' | 'rule' | 'blackout' | 'inhibition' | 'correlation' | 'webhook'

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
export type ManagedObject = Wire<Omit<Schemas['ManagedObject'], 'kind'>> & { kind: ObjectKind }
export type CheckStatus = CheckRow['status']
export type CheckRow = Wire<Schemas['CheckRow']>
export type CheckResult = Wire<Schemas['CheckResult']>
export type CheckDetail = Said<'checks.check'>
export type Blackout = Wire<Schemas['BlackoutBody']>
export type OriginHeartbeat = Wire<Schemas['HeartbeatBody']>
export type UserGroup = Wire<Schemas['GroupBody']>
export type Member = Wire<Schemas['Member']>
/** Whoever `match` describes belongs to `customer`. */
export type Lookup = Wire<Schemas['LookupBody']>
export type Pulse = Wire<Schemas['PulseBody']>
export type ServiceRow = Wire<Schemas['ServiceRow']>
export type Incident = Wire<Schemas['IncidentBody']>
export type TimelineEntry = Wire<Schemas['TimelineLine']>
export type Attempt = Wire<Schemas['AttemptBody']>
export type Notification = Wire<Schemas['NotificationBody']>
export type IncidentDetail = Said<'incidents.incident'>
export type IncidentPage = Said<'incidents.incidents'>
export type UserEvent = Wire<Schemas['UserEvent']>
export type EventMinute = Wire<Schemas['EventMinute']>
export type SystemStatus = Said<'overview.status'>
export type UserRow = Wire<Schemas['UserRow']>
export type KeyRow = Wire<Schemas['KeyRow']>
export type AuditEntry = Wire<Schemas['AuditLine']>
/** What `match` may do: a role, or a group of users. */
export type RoleRow = Wire<Schemas['RoleBody']>
