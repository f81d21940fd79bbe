import { mount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import ToastStack from '../components/ToastStack.vue'
import { say, toasts } from './toasts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.useRealTimers()
  toasts.splice(0)
})

describe('messages', () => {
  it('go by themselves, one that can be undone later than the others', () => {
    say('saved')
    say('closed', { undo: async () => undefined })
    vi.advanceTimersByTime(6000)
    expect(toasts.map(({ text }) => text)).toEqual(['closed'])
    vi.advanceTimersByTime(5000)
    expect(toasts).toEqual([])
  })

  it('stay as long as the focus is in one of them', async () => {
    const stack = mount(ToastStack, { attachTo: document.body })
    say('closed', { undo: async () => undefined })
    await stack.vm.$nextTick()
    stack.get('button').element.focus()
    vi.advanceTimersByTime(60_000)
    expect(toasts).toHaveLength(1)
    stack.get('button').element.blur()
    vi.advanceTimersByTime(2000)
    expect(toasts).toEqual([])
    stack.unmount()
  })
})
