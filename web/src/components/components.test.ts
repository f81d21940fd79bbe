import { mount } from '@vue/test-utils'
import { afterEach, describe, expect, it } from 'vitest'
import { nextTick } from 'vue'
import { createMemoryHistory, createRouter } from 'vue-router'

import type { Body, SchemaField } from '../api/types'
import { LOOKS } from '../lib/severity'
import ColumnMenu from './ColumnMenu.vue'
import FilterBar from './FilterBar.vue'
import RelativeTime from './RelativeTime.vue'
import SchemaForm from './SchemaForm.vue'
import SeverityMark from './SeverityMark.vue'

afterEach(() => document.body.replaceChildren())

describe('SeverityMark', () => {
  it.each(LOOKS)('%s has a colour, a shape and a word', (severity) => {
    const mark = mount(SeverityMark, { props: { severity } })
    expect(mark.classes()).toContain(`sev-${severity}`)
    expect(mark.get('svg').attributes('data-shape')).toBe(severity)
    expect(mark.text().toLowerCase()).toBe(severity)
  })

  it('keeps the word for those who listen, and the word of the sender', () => {
    const mark = mount(SeverityMark, { props: { severity: 'normal', bare: true } })
    expect(mark.get('.sr-only').text()).toBe('Normal')
    expect(mark.classes()).toContain('sev-ok')
    expect(mount(SeverityMark, { props: { severity: 'p1 of ours' } }).text()).toBe('p1 of ours')
  })

  it.each(['indeterminate', 'cleared', 'debug', 'trace'])('writes %s as it writes the others', (severity) => {
    expect(mount(SeverityMark, { props: { severity } }).text()).toBe(severity.replace(/^./, (first) => first.toUpperCase()))
  })
})

describe('RelativeTime', () => {
  it('has the exact time, and can be focused to show it', () => {
    const at = new Date(Date.now() - 180_000).toISOString()
    const time = mount(RelativeTime, { props: { at, focusable: true } })
    expect(time.text()).toMatch(/3\s?m/)
    expect(time.attributes('datetime')).toBe(at)
    expect(time.attributes('tabindex')).toBe('0')
    expect(time.get('[role="tooltip"]').text()).toBe(time.attributes('title'))
  })

  it('says never', () => expect(mount(RelativeTime, { props: { at: null } }).text()).toBe('never'))
})

describe('FilterBar', () => {
  async function at(path: string) {
    const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:any(.*)', component: { template: '<i/>' } }] })
    await router.push(path)
    const bar = mount(FilterBar, { props: { fields: ['q', 'status', 'severity'] }, global: { plugins: [router] } })
    return { router, bar }
  }

  it('shows the address as words, and a typed word is in the address', async () => {
    const { router, bar } = await at('/alerts?status=open&sort=event')
    expect(bar.findAll('.word').map((word) => word.text())).toEqual(['status open'])
    await bar.get('input').setValue('severity:critical')
    await bar.get('form').trigger('submit')
    await nextTick()
    await new Promise((done) => setTimeout(done))
    expect(router.currentRoute.value.query).toEqual({ status: 'open', sort: 'event', severity: 'critical' })
    expect(bar.findAll('.word')).toHaveLength(2)
  })

  it('removes a word by its button, and the last one by Backspace', async () => {
    const { router, bar } = await at('/alerts?status=open&status=ack')
    await bar.get('button').trigger('click')
    await new Promise((done) => setTimeout(done))
    expect(router.currentRoute.value.query).toEqual({ status: 'ack' })
    await bar.get('input').trigger('keydown', { key: 'Backspace' })
    await new Promise((done) => setTimeout(done))
    expect(router.currentRoute.value.query).toEqual({})
  })
})

describe('ColumnMenu', () => {
  it('keeps the last column, and brings the first choice back', async () => {
    const columns = ['severity', 'resource', 'text'].map((key) => ({ key, title: key }))
    const menu = mount(ColumnMenu, { props: { columns, first: ['severity', 'resource'], modelValue: ['gone', 'severity', 'text'] } })
    await menu.get('button').trigger('click')
    expect(menu.findAll<HTMLInputElement>('fieldset input').map((box) => box.element.disabled)).toEqual([false, false, false])
    await menu.setProps({ modelValue: ['gone', 'text'] })
    expect(menu.findAll<HTMLInputElement>('fieldset input').map((box) => box.element.disabled)).toEqual([false, false, true])
    await menu.get('button.menu-entry').trigger('click')
    expect(menu.emitted('update:modelValue')).toEqual([[['severity', 'resource']]])
  })

  it('adds an attribute once', async () => {
    const menu = mount(ColumnMenu, { props: { columns: [{ key: 'text', title: 'text' }], first: ['text'], modelValue: ['text', 'attributes.region'] } })
    await menu.get('button').trigger('click')
    for (const name of [' owner ', 'region', ' ']) {
      await menu.get('input.name').setValue(name)
      await menu.get('form').trigger('submit')
    }
    expect(menu.emitted('update:modelValue')).toEqual([[['text', 'attributes.region', 'attributes.owner']]])
  })
})

describe('SchemaForm', () => {
  const field = (name: string, schema: SchemaField['schema'], more: Partial<SchemaField> = {}): SchemaField => ({
    name,
    doc: `Help for ${name}.`,
    required: false,
    secret: false,
    default: null,
    schema,
    ...more,
  })
  const FIELDS = [
    field('url', { type: 'string' }, { required: true }),
    field('port', { type: 'integer' }),
    field('verify_tls', { type: 'boolean' }),
    field('method', { enum: ['GET', 'POST'] }),
    field('password', { type: 'string', format: 'password' }, { secret: true }),
    field('tags', { type: 'array', items: { type: 'string' } }),
    field('headers', { type: 'object', additionalProperties: { type: 'string' } }),
  ]
  const BODY: Body = { url: '', port: 443, verify_tls: true, method: 'GET', password: '••••', tags: ['a'], headers: { Accept: 'x' } }

  function form(errors: Record<string, string> = {}) {
    const wrapper = mount(SchemaForm, {
      attachTo: document.body,
      props: { fields: FIELDS, modelValue: BODY, errors, prefix: 'config.', 'onUpdate:modelValue': (body: Body) => void wrapper.setProps({ modelValue: body }) },
    })
    return wrapper
  }
  const said = (wrapper: ReturnType<typeof form>): Body => wrapper.props('modelValue') as Body

  it('draws each field with its label and help, and puts the error beside it', () => {
    const wrapper = form({ 'config.url': 'is required' })
    expect(wrapper.findAll('label').map((label) => label.text())).toEqual(expect.arrayContaining(['URL *', 'Port', 'Verify TLS', 'Method', 'Password']))
    const input = wrapper.get('input[type="text"]')
    expect(input.attributes('aria-invalid')).toBe('true')
    const described = (input.attributes('aria-describedby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent)
    expect(described).toEqual(['is required', 'Help for url.'])
  })

  it('never shows a secret, and keeps it unless somebody types', async () => {
    const wrapper = form()
    const secret = wrapper.get('input[type="password"]')
    expect((secret.element as HTMLInputElement).value).toBe('')
    expect(said(wrapper).password).toBe('••••')
    await secret.setValue('new')
    expect(said(wrapper).password).toBe('new')
  })

  it('gives each kind its own value', async () => {
    const wrapper = form()
    await wrapper.get('input[type="number"]').setValue('8080')
    await wrapper.get('input[type="checkbox"]').setValue(false)
    await wrapper.get('select').setValue('POST')
    expect(said(wrapper)).toMatchObject({ port: 8080, verify_tls: false, method: 'POST' })
    await wrapper.get('input[type="number"]').setValue('')
    expect(said(wrapper).port).toBeNull()
  })

  it('offers a calendar for a time, keeps it with its offset, and leaves what is none as it is', async () => {
    const wrapper = mount(SchemaForm, {
      props: { fields: [field('start', { type: 'string', format: 'date-time' }, { doc: 'When it begins, such as `2026-01-01T00:00:00Z`; empty is at once.' })], modelValue: { start: '' } },
    })
    expect(wrapper.text()).toContain('When it begins; empty is at once.')
    await wrapper.get('input[type="datetime-local"]').setValue('2026-11-21T22:00')
    await wrapper.get('input').trigger('change')
    const stored = wrapper.emitted('update:modelValue')?.at(-1)?.[0] as Body
    expect(stored.start).toMatch(/^2026-11-21T22:00:00[+-]\d\d:\d\d$/)
    await wrapper.setProps({ modelValue: { start: 'tomorrow' } })
    expect((wrapper.get('input').element as HTMLInputElement).value).toBe('tomorrow')
    expect(wrapper.get('input').attributes('type')).toBe('text')
  })

  it('adds and removes words and pairs', async () => {
    const wrapper = form()
    const words = wrapper.get('.words input')
    await words.setValue('b')
    await words.trigger('keydown', { key: 'Enter' })
    expect(said(wrapper).tags).toEqual(['a', 'b'])
    await wrapper.get('.words button').trigger('click')
    expect(said(wrapper).tags).toEqual(['b'])
    await wrapper.findAll('.pair input')[1]?.setValue('text/html')
    expect(said(wrapper).headers).toEqual({ Accept: 'text/html' })
  })
})
