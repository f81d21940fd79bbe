import { mount } from '@vue/test-utils'
import { nextTick } from 'vue'
import { expect, it } from 'vitest'

import MappingText from './MappingText.vue'

const problem = { field: 'steps[0].to', reason: 'is text', fix: '', line: 2 }

it('shows each problem beside its line and below', () => {
  const shown = mount(MappingText, { props: { modelValue: 'name: m\nsteps: []\n', problems: [problem], checking: false } })
  expect(shown.find('[data-line="2"]').classes()).toContain('bad')
  expect(shown.find('.notes').text()).toBe('steps[0].to: is text')
  expect(shown.find('.list').text()).toContain('Line 2')
  expect(shown.find('textarea').attributes('aria-invalid')).toBe('true')
})

it('takes the caret to the line of a problem', async () => {
  const shown = mount(MappingText, { attachTo: document.body, props: { modelValue: 'name: m\nsteps: []\n', problems: [problem], checking: false } })
  await shown.find('.list button').trigger('click')
  await nextTick()
  const area = shown.find('textarea').element as HTMLTextAreaElement
  expect(document.activeElement).toBe(area)
  expect(area.selectionStart).toBe(8)
  shown.unmount()
})

it('is named for what is written in it', () => {
  const shown = mount(MappingText, { props: { modelValue: '', problems: [], checking: false, label: 'Format', reference: 'See there.' } })
  expect(shown.find('label').text()).toBe('Format')
  expect(shown.text()).toContain('See there.')
})
