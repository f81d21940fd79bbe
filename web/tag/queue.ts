/** One thing after the other, in the order in which they came: events to deliver and callbacks to call. */

export interface Queue<T> {
  /** What waits, without what is under way. */
  waiting: (T | (() => void))[]
  add: (item: T | (() => void)) => void
}

/** `deliver` starts on an item and calls `done` (once or more often) when the next one may start. */
export function newQueue<T extends object>(deliver: (item: T, done: () => void) => void): Queue<T> {
  const waiting: (T | (() => void))[] = []
  let busy = false
  function next(): void {
    const item = busy ? undefined : waiting.shift()
    if (!item) return
    let over = false
    busy = true
    const done = (): void => {
      if (over) return
      over = true
      busy = false
      next()
    }
    if (typeof item !== 'function') return deliver(item as T, done)
    try {
      item()
    } finally {
      done()
    }
  }
  return {
    waiting,
    add: (item) => {
      waiting.push(item)
      next()
    },
  }
}

/** The callback as one that calls it once: when it is called, or when the time (milliseconds) is over. */
export function onceOrAfter(callback: () => void, timeout?: number): () => void {
  let called = false
  const once = (): void => {
    if (called) return
    called = true
    callback()
  }
  if (timeout !== undefined) setTimeout(once, timeout)
  return once
}

/**
 * Ask for a picture. `heard` is told whether it came, or undefined when the time (milliseconds) is over; what becomes
 * of it is told all the same then.
 */
export function request(
  window: Window & typeof globalThis,
  address: string,
  timeout: number,
  heard: (came?: boolean) => void,
): void {
  const image = new window.Image(1, 1)
  const timer = setTimeout(heard, timeout)
  const answered = (came: boolean): void => {
    clearTimeout(timer)
    heard(came)
  }
  image.onload = () => answered(true)
  image.onerror = () => answered(false)
  image.src = address
}
