import { afterEach, describe, expect, it, vi } from 'vitest'

import { bindKeys, handle } from './keymap'

const bound: (() => void)[] = []
function bind(...args: Parameters<typeof bindKeys>): () => void {
  const release = bindKeys(...args)
  bound.push(release)
  return release
}
afterEach(() => {
  bound.splice(0).forEach((release) => release())
  document.body.replaceChildren()
})

function press(key: string, options: KeyboardEventInit = {}, target: EventTarget = document.body, now = 0): KeyboardEvent {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...options })
  Object.defineProperty(event, 'target', { value: target })
  handle(event, now)
  return event
}

describe('keys', () => {
  it('call what is bound and nothing else', () => {
    const j = vi.fn()
    bind({ j })
    expect(press('j').defaultPrevented).toBe(true)
    expect(press('q').defaultPrevented).toBe(false)
    expect(j).toHaveBeenCalledOnce()
  })

  it('leave arrows, Home and End to what was tabbed to outside a list', () => {
    const move = vi.fn()
    bind({ ArrowDown: move, End: move, j: move })
    document.body.innerHTML = '<h1 tabindex="-1"></h1><pre tabindex="0"></pre><div role="grid"><p tabindex="0"></p></div>'
    const pre = document.querySelector('pre') as HTMLElement
    expect(press('ArrowDown', {}, pre).defaultPrevented).toBe(false)
    press('End', {}, pre)
    expect(move).not.toHaveBeenCalled()
    press('j', {}, pre)
    press('ArrowDown')
    press('End', {}, document.querySelector('h1') as HTMLElement)
    press('ArrowDown', {}, document.querySelector('p') as HTMLElement)
    expect(move).toHaveBeenCalledTimes(4)
  })

  it('are silent while somebody types, except chords', () => {
    const j = vi.fn()
    const search = vi.fn()
    bind({ j, 'Ctrl+k': search })
    const input = document.createElement('input')
    press('j', {}, input)
    press('k', { ctrlKey: true }, input)
    press('k', { metaKey: true }, document.createElement('textarea'))
    expect(j).not.toHaveBeenCalled()
    expect(search).toHaveBeenCalledTimes(2)
  })

  it('still work with the focus on a checkbox', () => {
    const x = vi.fn()
    bind({ x })
    const box = document.createElement('input')
    box.type = 'checkbox'
    press('x', {}, box)
    expect(x).toHaveBeenCalledOnce()
  })

  it('come in sequences that run out', () => {
    const go = vi.fn()
    const a = vi.fn()
    bind({ 'g a': go, a })
    press('g', {}, document.body, 0)
    press('a', {}, document.body, 500)
    expect(go).toHaveBeenCalledOnce()
    expect(a).not.toHaveBeenCalled()
    press('g', {}, document.body, 1000)
    press('a', {}, document.body, 9000)
    expect(a).toHaveBeenCalledOnce()
  })

  it('come in sequences by when they were pressed, however late the page hears of them', () => {
    const go = vi.fn()
    bind({ 'g a': go })
    const pressed = (key: string, at: number): void => {
      const event = new KeyboardEvent('keydown', { key })
      Object.defineProperty(event, 'timeStamp', { value: at })
      handle(event)
    }
    vi.useFakeTimers()
    try {
      pressed('g', 1000)
      vi.advanceTimersByTime(9000)
      pressed('a', 1500)
      expect(go).toHaveBeenCalledOnce()
      pressed('g', 2000)
      pressed('a', 9000)
      expect(go).toHaveBeenCalledOnce()
    } finally {
      vi.useRealTimers()
    }
  })

  it('belong to the layer on top, and a modal one hides those below', () => {
    const below = vi.fn()
    const above = vi.fn()
    bind({ a: below, j: below })
    const close = bind({ a: above }, true)
    press('a')
    press('j')
    expect(above).toHaveBeenCalledOnce()
    expect(below).not.toHaveBeenCalled()
    close()
    press('j')
    expect(below).toHaveBeenCalledOnce()
  })

  it('leave Enter to a focused link or button', () => {
    const open = vi.fn()
    bind({ Enter: open })
    const button = document.createElement('button')
    document.body.append(button)
    press('Enter', {}, button)
    expect(open).not.toHaveBeenCalled()
    press('Enter')
    expect(open).toHaveBeenCalledOnce()
  })
})
