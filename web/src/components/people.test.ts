import { flushPromises } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'

import { toasts, undoNewest } from '../lib/toasts'
import { click, press, showPage, type Call, type Shown } from '../testing'
import CustomerSettings from './CustomerSettings.vue'
import GroupSettings from './GroupSettings.vue'
import KeySettings from './KeySettings.vue'
import UserSettings from './UserSettings.vue'

const HOSTILE = '<b onclick="x">bold</b>'
const GROUP = { id: 'g1', name: 'Night shift', text: HOSTILE, count: 1, href: '' }
const GROUPS = {
  'GET /groups': { groups: [GROUP], more: false },
  'GET /group/g1/users': { users: [{ id: 'u2', login: 'bob', name: 'Bob', status: 'inactive', href: '' }], more: false },
  'GET /users': { users: [{ id: 'u2', login: 'bob' }, { id: 'u3', login: 'eve' }], more: false },
  'PUT /group/': { id: 'g1', group: GROUP },
  'POST /group': { id: 'g2', group: { ...GROUP, id: 'g2', name: 'Day shift' } },
  'GET /group/g2/users': { users: [], more: false },
  'DELETE /group/': { status: 'ok' },
}
const LOOKUPS = {
  'GET /customers': { customers: [{ id: 'c1', match: 'acme.example', customer: 'Acme', href: '' }, { id: 'c2', match: 'root', customer: '*', href: '' }], more: false },
  'POST /customer': { id: 'c3', customer: {} },
  'PUT /customer/': { id: 'c1', customer: {} },
  'DELETE /customer/': { status: 'ok' },
}
const USER = { id: 'u2', login: 'bob', name: 'Bob', email: 'bob@example.org', domain: 'example.org', roles: ['user'], status: 'active', email_verified: false, lastLogin: null }
const USERS = {
  'GET /users': { users: [USER, { ...USER, id: 'u1', login: 'ann', roles: ['admin'] }, { ...USER, id: 'u3', login: 'eve', status: 'inactive' }], more: false },
  'GET /perms': { permissions: [] },
  'PUT /user/': { id: 'u2', user: USER },
}

const KEY = { id: 'k1', prefix: 'abcdef', text: 'wall', scopes: ['read'], user: 'ann', lastUsedTime: null, expireTime: '9999-12-30T00:00:00.000Z' }
const KEYS = { 'GET /keys': { keys: [KEY, { ...KEY, id: 'k2', lastUsedTime: KEY.expireTime, expireTime: '2026-01-01T00:00:00.000Z' }], more: false } }

let shown: Shown
const body = (): string => document.body.textContent ?? ''
const lines = (): string[] => shown.page.findAll('[data-index]').map((line) => line.text())
function fill(label: string, value: string): Promise<unknown> {
  const found = [...document.querySelectorAll('label')].find((one) => one.textContent?.replace(' *', '').trim() === label)
  const input = document.getElementById(found?.htmlFor ?? '') as HTMLInputElement
  input.value = value
  input.dispatchEvent(new Event('input'))
  return flushPromises()
}
async function submit(): Promise<void> {
  ;[...document.querySelectorAll('form[novalidate]')].at(-1)?.dispatchEvent(new Event('submit', { cancelable: true }))
  await flushPromises()
}
const sent = (): Call[] => shown.calls

afterEach(() => {
  shown.page.unmount()
  document.body.replaceChildren()
  toasts.length = 0
  vi.unstubAllGlobals()
})

describe('groups of users', () => {
  it('are renamed, and what they say is text', async () => {
    shown = await showPage(GroupSettings, '/settings/groups', GROUPS)
    expect(lines()[0]).toContain(HOSTILE)
    expect(document.querySelector('.table b')).toBeNull()
    await press('j')
    await press('Enter')
    await fill('Name', 'Nights')
    document.querySelector('[role=dialog] form')?.dispatchEvent(new Event('submit', { cancelable: true }))
    await flushPromises()
    expect(sent()).toEqual([{ method: 'PUT', path: '/api/group/g1', body: { name: 'Nights', text: HOSTILE } }])
  })

  it('are made, and then people are put into them', async () => {
    shown = await showPage(GroupSettings, '/settings/groups', GROUPS)
    await click('New group')
    await fill('Name', 'Day shift')
    await submit()
    expect(body()).toContain('Nobody belongs to it yet.')
    await fill('Login of the user to add', 'eve')
    await submit()
    expect(sent().map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /api/group', 'PUT /api/group/g2/user/eve'])
  })

  it('lose a member and themselves only after asking', async () => {
    shown = await showPage(GroupSettings, '/settings/groups', GROUPS)
    await click('Night shift')
    expect(body()).toContain('inactive')
    await click('Take bob out')
    expect(sent()).toEqual([])
    await click('Take bob out')
    await click('Delete')
    expect(body()).toContain('Delete Night shift?')
    await click('Delete')
    expect(sent().map(({ method, path }) => `${method} ${path}`)).toEqual(['DELETE /api/group/g1/user/u2', 'DELETE /api/group/g1'])
  })

  it('are only read by who may not change them', async () => {
    shown = await showPage(GroupSettings, '/settings/groups', GROUPS, { scopes: ['read'] })
    expect(body()).not.toContain('New group')
    await click('Night shift')
    expect(body()).toContain('bob')
    expect(document.querySelector('[role=dialog] form')).toBeNull()
    expect(body()).not.toContain('Take')
  })
})

describe('customers', () => {
  it('say that nothing looks at them while customer views are off', async () => {
    shown = await showPage(CustomerSettings, '/settings/customers', LOOKUPS)
    expect(body()).toContain('Customer views are off')
    expect(lines()[1]).toContain('every customer')
  })

  it('say nothing of it while they are on', async () => {
    shown = await showPage(CustomerSettings, '/settings/customers', { ...LOOKUPS, 'GET /config': { customer_views: true } })
    expect(body()).not.toContain('Customer views are off')
  })

  it('are made and changed', async () => {
    shown = await showPage(CustomerSettings, '/settings/customers', LOOKUPS)
    await click('New look-up')
    await fill('Login, role, group or mail domain', 'ops')
    await fill('Customer', 'Globex')
    await submit()
    await press('j')
    await press('Enter')
    await fill('Customer', 'Acme Inc.')
    await submit()
    expect(sent()).toEqual([
      { method: 'POST', path: '/api/customer', body: { match: 'ops', customer: 'Globex' } },
      { method: 'PUT', path: '/api/customer/c1', body: { match: 'acme.example', customer: 'Acme Inc.' } },
    ])
  })

  it('come back by the undo', async () => {
    shown = await showPage(CustomerSettings, '/settings/customers', LOOKUPS)
    await click('acme.example')
    await click('Delete')
    await undoNewest()
    expect(sent().map(({ method, path, body: told }) => [method, path, told])).toEqual([
      ['DELETE', '/api/customer/c1', {}],
      ['POST', '/api/customer', { match: 'acme.example', customer: 'Acme' }],
    ])
  })

  it('are only read by who may not change them', async () => {
    shown = await showPage(CustomerSettings, '/settings/customers', LOOKUPS, { scopes: ['read'] })
    expect(lines()).toHaveLength(2)
    expect(document.querySelector('.table button, .row button')).toBeNull()
    await press('j')
    await press('Enter')
    expect(document.querySelector('[role=dialog]')).toBeNull()
  })
})

describe('users', () => {
  it('are filtered by state, role and words', async () => {
    shown = await showPage(UserSettings, '/settings/users?status=active&role=user', USERS)
    expect(lines()).toHaveLength(1)
    await shown.router.push('/settings/users?q=eve')
    await flushPromises()
    expect(lines()).toHaveLength(1)
    expect(lines()[0]).toContain('inactive')
  })

  it('are deactivated after asking, never oneself, and activated at once', async () => {
    shown = await showPage(UserSettings, '/settings/users', USERS)
    expect(body()).not.toContain('Deactivate ann')
    expect([...document.querySelectorAll('.table button')].map((one) => one.getAttribute('aria-label')).filter(Boolean)).toEqual(['Deactivate bob', 'Activate eve'])
    await click('Activate eve')
    await click('Deactivate bob')
    expect(sent()).toHaveLength(1)
    await click('Deactivate')
    expect(sent().map(({ path, body: told }) => [path, told])).toEqual([['/api/user/u3', { status: 'active' }], ['/api/user/u2', { status: 'inactive' }]])
  })

  it('get a verified address only when somebody says so', async () => {
    shown = await showPage(UserSettings, '/settings/users', USERS)
    await press('j')
    await press('Enter')
    const box = [...document.querySelectorAll('label')].find((one) => one.textContent?.includes('verified'))
    ;(document.getElementById(box?.htmlFor ?? '') as HTMLInputElement).click()
    await submit()
    expect(sent()[0]?.body).toMatchObject({ email_verified: true, status: 'active' })
    await press('Enter')
    await submit()
    expect(sent()[1]?.body).not.toHaveProperty('email_verified')
  })
})

describe('keys', () => {
  it('that last for ever say so, though the API has a time for it', async () => {
    shown = await showPage(KeySettings, '/settings/keys', KEYS)
    const ends = shown.page.findAll('[data-index="0"] time').map((time) => time.attributes('datetime'))
    expect(ends).toEqual([])
    expect(lines()[0]).toMatch(/never.*never/i)
    expect(lines()[1]).not.toMatch(/never/i)
  })
})
