import { mount } from '@vue/test-utils'
import { expect, it } from 'vitest'

import FormatTried from './FormatTried.vue'

const attempt = (changes: object): InstanceType<typeof FormatTried>['$props'] => ({ attempt: { format: null, problems: [], alerts: null, ...changes } })

it('shows each alert with its fields, hostile text as text', () => {
  const shown = mount(FormatTried, { props: attempt({ alerts: [{ severity: 'major', event: '<b>Down</b>', resource: 'web01', tags: ['a'] }] }) })
  expect(shown.text()).toContain('1 alert')
  expect(shown.find('h3').text()).toContain('<b>Down</b> · web01')
  expect(shown.find('dl').text()).toContain('["a"]')
  expect(shown.find('b').exists()).toBe(false)
})

it('says what is wrong with the message, and what is no alert', () => {
  const wrong = { field: 'message.event', reason: 'is absent', fix: '', line: 0 }
  expect(mount(FormatTried, { props: attempt({ problems: [wrong, { ...wrong, reason: 'in the text', line: 3 }] }) }).text()).toContain('message.event is absent')
  expect(mount(FormatTried, { props: attempt({ problems: [{ ...wrong, line: 3 }] }) }).text()).not.toContain('is absent')
  expect(mount(FormatTried, { props: attempt({ alerts: [] }) }).text()).toContain('Nothing in this message is an alert.')
})
