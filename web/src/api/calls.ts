/** One function per route that the pages use. */
import { del, get, post, put, queryString, type Query } from './client'
import type {
  AlertCounts,
  AlertPage,
  Blackout,
  Body,
  CheckDetail,
  IncidentDetail,
  IncidentPage,
  Lookup,
  ManagedObject,
  Member,
  ObjectKind,
  OriginHeartbeat,
  PublicConfig,
  Said,
  SchemaBook,
  Schemas,
  SystemStatus,
  UserGroup,
} from './types'

const at = (id: string): string => encodeURIComponent(id)

/** Words without a field are looked for in every text of an alert, not in its text alone. */
const searching = (query: Query): Query => (query.q ? { ...query, 'q.df': 'any' } : query)

export const alerts = {
  list: (query: Query, signal?: AbortSignal) => get<AlertPage>('/alerts', searching(query), signal),
  counts: (query: Query = {}) => get<AlertCounts>('/alerts/count', searching(query)),
  history: (query: Query) => get<Said<'alerts.history'>>('/alerts/history', query),
  environments: (query: Query = {}) => get<Said<'alert_reports.environments'>>('/environments', searching(query)),
  one: (id: string) => get<Said<'alerts.one'>>(`/alert/${at(id)}`),
  why: (id: string) => get<Said<'alert_path.why'>>(`/alert/${at(id)}/why`),
  act: (id: string, action: string, text = '', timeout?: number) =>
    put(`/alert/${at(id)}/action`, { action, text, ...(timeout === undefined ? {} : { timeout }) }),
  /** The same done to all that match; answers what was changed, and why others were not. */
  actOnAll: (query: Query, action: string, text = '', timeout?: number) =>
    put<Said<'alerts_bulk.act'>>(
      '/_bulk/alerts/action',
      { action, text, ...(timeout === undefined ? {} : { timeout }) },
      searching(query),
    ),
  /** Set a status whatever the alarm model thinks of it. */
  setStatus: (ids: readonly string[], status: string) => put<Said<'alerts_bulk.set_status'>>('/_bulk/alerts/status', { status }, { id: [...ids] }),
  /** Each has the status again that it had before it was closed, and whoever had acknowledged it. */
  undoClosing: (ids: readonly string[]) => put<Said<'alerts_bulk.undo'>>('/_bulk/alerts/undo', { action: 'close' }, { id: [...ids] }),
  /** Whose alerts these are from now on; '' makes them nobody's. */
  assign: (ids: readonly string[], assignee: string) =>
    put<Said<'alerts_bulk.act'>>('/_bulk/alerts/action', { action: 'assign', assignee }, { id: [...ids] }),
  tag: (id: string, tags: readonly string[]) => put(`/alert/${at(id)}/tag`, { tags }),
  untag: (id: string, tags: readonly string[]) => put(`/alert/${at(id)}/untag`, { tags }),
  grouped: (query: Query) => get<Said<'alert_reports.grouped'>>('/alerts/grouped', searching(query)),
  /** Where the file with all that match is. */
  file: (query: Query, format: 'csv' | 'json') => `/api/alerts/export${queryString({ ...searching(query), format })}`,
  note: (id: string, text: string) => put(`/alert/${at(id)}/note`, { text }),
  remove: (id: string) => del(`/alert/${at(id)}`),
}

/** Alerts that are over. */
export const archive = {
  list: (query: Query, signal?: AbortSignal) => get<Said<'archive.archive'>>('/archive', query, signal),
  one: (id: string) => get<Said<'archive.one'>>(`/archive/${at(id)}`),
  remove: (id: string) => del(`/archive/${at(id)}`),
  file: (query: Query, format: 'csv' | 'json') => `/api/archive/export${queryString({ ...query, format })}`,
  report: (query: Query) => get<Said<'reports.alerts'>>('/reports/alerts', query),
}

/** Every row of a list that comes in pages. */
async function whole<Row>(path: string, name: string): Promise<Row[]> {
  const rows: Row[] = []
  for (let page = 1; ; page += 1) {
    const answer = await get<{ more: boolean } & Record<string, unknown>>(path, { page, 'page-size': 1000 })
    rows.push(...(answer[name] as Row[]))
    if (!answer.more) return rows
  }
}

export const blackouts = {
  list: () => whole<Blackout>('/blackouts', 'blackouts'),
  end: (id: string) => put<Said<'blackouts.end'>>(`/blackout/${at(id)}/end`),
  remove: (id: string) => del(`/blackout/${at(id)}`),
  create: (body: Body) => post<Said<'blackouts.create'>>('/blackout', body),
  preview: (body: Body) => post<Said<'blackouts.preview'>>('/blackouts/preview', body),
}

export const config = {
  read: () => get<PublicConfig>('/config'),
  schema: () => get<SchemaBook>('/schema'),
  status: () => get<SystemStatus>('/status'),
  turn: (name: string, on: boolean) => post<Said<'switchboard.turn'>>('/management/switchboard', { [name]: on ? 'ON' : 'OFF' }),
  audit: () => get<Said<'audit.audit'>>('/audit'),
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
  list: () => get<Said<'checks.checks'>>('/checks'),
  one: (id: string) => get<CheckDetail>(`/check/${at(id)}`),
  run: (id: string) => post<Said<'checks.run'>>(`/check/${at(id)}/run`),
}

export const pulses = { list: () => get<Said<'heartbeats.pulses'>>('/pulses') }
export const origins = {
  list: () => whole<OriginHeartbeat>('/heartbeats', 'heartbeats'),
  forget: (id: string) => del(`/heartbeat/${at(id)}`),
}
export const services = { list: () => get<Said<'services.service_status'>>('/service-status') }

export type Answer = 'acknowledge' | 'unacknowledge' | 'resolve'

export const incidents = {
  list: (query: Query) => get<IncidentPage>('/incidents', query),
  one: (id: string) => get<IncidentDetail>(`/incident/${at(id)}`),
  answer: (id: string, what: Answer, text = '') => put<Said<'incidents.acknowledge'>>(`/incident/${at(id)}/${what}`, { text }),
  note: (id: string, text: string) => post(`/incident/${at(id)}/note`, { text }),
}

export const events = {
  tail: (limit = 100) => get<Said<'events.tail'>>('/events/tail', { limit }),
  minutes: (minutes = 60) => get<Said<'events.minutes'>>('/events/minutes', { minutes }),
}

export const correlations = {
  preview: (body: Body) => post<Said<'correlations.preview'>>('/correlations/preview', body),
}

export const inhibitions = {
  preview: (body: Body) => post<Said<'inhibitions.preview'>>('/inhibitions/preview', body),
}

export const views = {
  all: () => get<Said<'views.views'>>('/views'),
  create: (view: Schemas['NewView']) => post<Said<'views.create'>>('/view', view),
  remove: (id: string) => del(`/view/${at(id)}`),
}

export const groups = {
  list: () => whole<UserGroup>('/groups', 'groups'),
  members: (id: string) => whole<Member>(`/group/${at(id)}/users`, 'users'),
  create: (group: Body) => post<Said<'groups.create'>>('/group', group),
  update: (id: string, group: Body) => put<Said<'groups.change'>>(`/group/${at(id)}`, group),
  remove: (id: string) => del(`/group/${at(id)}`),
  /** `user` is an id or a login. */
  join: (id: string, user: string) => put(`/group/${at(id)}/user/${at(user)}`),
  leave: (id: string, user: string) => del(`/group/${at(id)}/user/${at(user)}`),
}

export const customers = {
  list: () => whole<Lookup>('/customers', 'customers'),
  create: (lookup: Body) => post<Said<'customers.create'>>('/customer', lookup),
  update: (id: string, lookup: Body) => put<Said<'customers.change'>>(`/customer/${at(id)}`, lookup),
  remove: (id: string) => del(`/customer/${at(id)}`),
}

export const people = {
  users: () => get<Said<'users.users'>>('/users'),
  createUser: (user: Body) => post<Said<'users.create'>>('/user', user),
  updateUser: (id: string, user: Body) => put<Said<'users.change'>>(`/user/${at(id)}`, user),
  removeUser: (id: string) => del(`/user/${at(id)}`),
  myGroups: () => get<Said<'users.my_groups'>>('/user/me/groups', { 'page-size': 1000 }),
  updateMe: (user: Body) => put<Said<'users.change_me'>>('/user/me', user),
  sessions: () => get<Said<'own_sessions.sessions'>>('/sessions'),
  endSession: (id: string) => del<Said<'own_sessions.end'>>(`/sessions/${at(id)}`),
  endOtherSessions: () => del<Said<'own_sessions.end_others'>>('/sessions'),
  mails: () => get<Said<'own_mails.mails'>>('/user/me/mails'),
  chooseMails: (mails: Said<'own_mails.mails'>['mails']) => put<Said<'own_mails.set_mails'>>('/user/me/mails', { mails }),
  askToConfirm: () => post('/user/me/confirm'),
  twoStep: () => get<Said<'two_step.standing'>>('/user/me/second-factor'),
  beginTwoStep: () => post<Said<'two_step.begin'>>('/user/me/second-factor'),
  turnOnTwoStep: (body: Schemas['FirstCode']) => put<Said<'two_step.turn_on'>>('/user/me/second-factor', body),
  turnOffTwoStep: (body: Schemas['LastCode']) => post('/user/me/second-factor/off', body),
  newRecoveryCodes: (body: Schemas['LastCode']) => post<Said<'two_step.renew'>>('/user/me/second-factor/recovery-codes', body),
  turnOffTwoStepFor: (id: string) => del(`/user/${at(id)}/second-factor`),
  passkeys: () => get<Said<'passkeys.mine'>>('/user/me/passkeys'),
  beginPasskey: (body: Schemas['PasskeyWanted']) => post<Said<'passkeys.begin'>>('/user/me/passkeys', body),
  addPasskey: (body: Schemas['PasskeyMade']) => put<Said<'passkeys.add'>>('/user/me/passkeys', body),
  renamePasskey: (id: string, body: Schemas['PasskeyNamed']) => put<Said<'passkeys.rename'>>(`/user/me/passkeys/${at(id)}`, body),
  removePasskey: (id: string, body: Schemas['PasskeyGone']) => post(`/user/me/passkeys/${at(id)}/remove`, body),
  keys: () => get<Said<'keys.keys'>>('/keys'),
  createKey: (key: Body) => post<Said<'keys.create'>>('/key', key),
  removeKey: (id: string) => del(`/key/${at(id)}`),
  roles: () => get<Said<'permissions.perms'>>('/perms?page-size=1000'),
  createRole: (role: Body) => post<Said<'permissions.create'>>('/perm', role),
  updateRole: (id: string, role: Body) => put<Said<'permissions.change'>>(`/perm/${at(id)}`, role),
  removeRole: (id: string) => del(`/perm/${at(id)}`),
  scopes: () => get<Said<'permissions.scopes'>>('/scopes'),
}
