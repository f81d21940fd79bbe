/** The pages, each loaded when first opened, and who may see them: everybody else is sent to log in, and back. */
import { createRouter, createWebHistory, type RouteLocationNormalized, type Router, type RouteRecordRaw } from 'vue-router'

import { loadSession, session } from './api/session'
import { firstAlerts } from './keys/goto'
import { firstSection } from './lib/settingsSections'

declare module 'vue-router' {
  interface RouteMeta {
    /** Shown without a session and without the rail. */
    open?: boolean
    /** Shown without the rail. */
    wall?: boolean
  }
}

const routes: RouteRecordRaw[] = [
  { path: '/setup', name: 'setup', component: () => import('./pages/SetUpPage.vue'), meta: { open: true } },
  { path: '/login', name: 'login', component: () => import('./pages/LogInPage.vue'), meta: { open: true } },
  { path: '/signup', name: 'sign-up', component: () => import('./pages/SignUpPage.vue'), meta: { open: true } },
  { path: '/forgot', name: 'forgot', component: () => import('./pages/ForgotPage.vue'), meta: { open: true } },
  { path: '/reset', name: 'reset', component: () => import('./pages/ResetPage.vue'), meta: { open: true } },
  { path: '/confirm', name: 'confirm', component: () => import('./pages/ConfirmPage.vue'), meta: { open: true } },
  { path: '/second-step', name: 'second-step', component: () => import('./pages/SecondStepPage.vue'), meta: { open: true } },
  { path: '/', name: 'now', component: () => import('./pages/NowPage.vue') },
  {
    path: '/alerts',
    name: 'alerts',
    component: () => import('./pages/AlertsPage.vue'),
    // What needs somebody is shown first; taking the words away shows the rest.
    beforeEnter: (to) => (Object.keys(to.query).length ? true : firstAlerts()),
  },
  { path: '/wall', name: 'wall', component: () => import('./pages/WallPage.vue'), meta: { wall: true } },
  { path: '/alert/:id', redirect: (to) => ({ path: `/alerts/${String(to.params.id)}` }) },
  { path: '/alerts/:id', name: 'alert', component: () => import('./pages/AlertPage.vue'), props: true },
  { path: '/incidents', name: 'incidents', component: () => import('./pages/IncidentsPage.vue') },
  { path: '/incidents/:id', name: 'incident', component: () => import('./pages/IncidentPage.vue'), props: true },
  { path: '/services', name: 'services', component: () => import('./pages/ServicesPage.vue') },
  { path: '/services/:id', name: 'service', component: () => import('./pages/EditPage.vue'), props: (to) => ({ kind: 'service', id: to.params.id }) },
  { path: '/checks', name: 'checks', component: () => import('./pages/ChecksPage.vue') },
  { path: '/checks/new', name: 'new-check', component: () => import('./pages/EditPage.vue'), props: { kind: 'check', id: 'new' } },
  { path: '/checks/:id', name: 'check', component: () => import('./pages/CheckPage.vue'), props: true },
  { path: '/checks/:id/edit', name: 'edit-check', component: () => import('./pages/EditPage.vue'), props: (to) => ({ kind: 'check', id: to.params.id }) },
  { path: '/heartbeats', name: 'heartbeats', component: () => import('./pages/HeartbeatsPage.vue') },
  { path: '/heartbeats/:id', name: 'heartbeat', component: () => import('./pages/EditPage.vue'), props: (to) => ({ kind: 'heartbeat', id: to.params.id }) },
  { path: '/blackouts', name: 'blackouts', component: () => import('./pages/BlackoutsPage.vue') },
  { path: '/blackouts/:id', name: 'blackout', component: () => import('./pages/EditPage.vue'), props: (to) => ({ kind: 'blackout', id: to.params.id }) },
  { path: '/events', name: 'events', component: () => import('./pages/EventsPage.vue') },
  {
    path: '/events/:section(explore|funnels|sessions|rejected|accounting)',
    name: 'events-section',
    component: () => import('./pages/EventsPage.vue'),
    props: true,
  },
  { path: '/rules/:id', name: 'rule', component: () => import('./pages/RulePage.vue'), props: true },
  { path: '/reports', name: 'reports', component: () => import('./pages/ReportsPage.vue') },
  { path: '/archive', name: 'archive', component: () => import('./pages/ArchivePage.vue') },
  { path: '/archive/:id', name: 'past-alert', component: () => import('./pages/PastAlertPage.vue'), props: true },
  // Not a redirect: who looks is known only after the guards.
  { path: '/settings', component: () => import('./pages/SettingsPage.vue'), beforeEnter: () => `/settings/${firstSection()}` },
  { path: '/settings/:kind(heartbeat|blackout)/:id?', redirect: (to) => `/${[`${String(to.params.kind)}s`, to.params.id].filter(Boolean).join('/')}` },
  // Where Alerta's pages are.
  { path: '/:section(users|groups|customers|keys|profile|about)', redirect: (to) => `/settings/${String(to.params.section)}` },
  { path: '/perms', redirect: '/settings/roles' },
  { path: '/settings/:section', name: 'settings', component: () => import('./pages/SettingsPage.vue'), props: true },
  { path: '/settings/mapping/:id', name: 'edit-mapping', component: () => import('./pages/MappingPage.vue'), props: true },
  { path: '/settings/webhook/:id', name: 'edit-webhook', component: () => import('./pages/FormatPage.vue'), props: true },
  { path: '/settings/:kind/:id', name: 'edit-object', component: () => import('./pages/EditPage.vue'), props: true },
  { path: '/:rest(.*)*', name: 'not-found', component: () => import('./pages/NotFoundPage.vue') },
]

let chosen: RouteLocationNormalized | undefined

/** Where somebody is, or a page that is still on its way: whoever chose it does not want to go back. */
export function destination(router: Router): RouteLocationNormalized {
  return chosen ?? router.currentRoute.value
}

export function makeRouter(): Router {
  const router = createRouter({ history: createWebHistory(), routes, scrollBehavior: (_to, _from, kept) => kept ?? { top: 0 } })
  router.beforeEach((to) => {
    chosen = to
  })
  router.afterEach(() => {
    chosen = undefined
  })
  router.beforeEach(async (to) => {
    if (to.meta.open) return true
    if (await loadSession()) return session.info.value?.mustEnrol ? { name: 'second-step', query: { back: to.fullPath } } : true
    if (session.setupNeeded.value) return { name: 'setup' }
    return { name: 'login', query: { back: to.fullPath } }
  })
  return router
}

/** Only our own paths: a link that leads elsewhere after the log-in is refused. */
export function safeBack(back: unknown): string {
  return typeof back === 'string' && /^\/(?![/\\])/.test(back) && !back.startsWith('/login') ? back : '/'
}
