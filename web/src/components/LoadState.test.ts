import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'

import LoadState from './LoadState.vue'

describe('what was loaded', () => {
  it('stays, with what is typed into it, when it cannot be loaded again', async () => {
    const shown = mount(LoadState, { props: { pending: true, error: null }, slots: { default: '<input />' } })
    expect(shown.find('input').exists()).toBe(false)
    await shown.setProps({ pending: false })
    const input = shown.get('input')
    await input.setValue('half a note')
    await shown.setProps({ error: new Error('away') })
    expect(shown.get('[role="alert"]').text()).toContain('away')
    expect(shown.get('input').element).toBe(input.element)
    await shown.setProps({ error: null })
    expect(shown.find('[role="alert"]').exists()).toBe(false)
  })

  it('goes with what it is about', async () => {
    const shown = mount(LoadState, { props: { pending: false, error: null }, slots: { default: '<input />' } })
    await shown.setProps({ pending: true })
    expect(shown.find('input').exists()).toBe(false)
    await shown.setProps({ pending: false, error: new Error('away') })
    expect(shown.find('input').exists()).toBe(false)
    await shown.get('button').trigger('click')
    expect(shown.emitted('retry')).toHaveLength(1)
  })
})
