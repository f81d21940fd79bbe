/** Keys for everything: single keys and sequences such as `g a`, silent while a person types or a dialog is open. */
import { onScopeDispose } from 'vue'

export type Bindings = Record<string, (event: KeyboardEvent) => void>

const SEQUENCE_FOR = 1200

interface Layer {
  bindings: Bindings
  modal: boolean
}

const layers: Layer[] = []
let pending = ''
let pendingUntil = 0

/** `Ctrl+k`, `j`, `?`, `Enter`. Shift counts only through the character that it makes. */
export function nameOf(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>): string {
  const key = event.key.length === 1 ? event.key : event.key
  return `${event.ctrlKey || event.metaKey ? 'Ctrl+' : ''}${event.altKey ? 'Alt+' : ''}${key}`
}

export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'submit'].includes(target.type)
}

function handlersOf(name: string): ((event: KeyboardEvent) => void) | undefined {
  for (const layer of layers.toReversed()) {
    const found = layer.bindings[name]
    if (found) return found
    if (layer.modal) return undefined
  }
  return undefined
}

function startsSequence(name: string): boolean {
  for (const layer of layers.toReversed()) {
    if (Object.keys(layer.bindings).some((one) => one.startsWith(`${name} `))) return true
    if (layer.modal) return false
  }
  return false
}

const MOVES: readonly string[] = ['ArrowDown', 'ArrowUp', 'Home', 'End']

/** Enter and Space belong to the button or link that has the focus; what moves, to whatever was tabbed to outside a list. */
function belongsToFocus(event: KeyboardEvent): boolean {
  if (MOVES.includes(event.key)) return event.target instanceof HTMLElement && event.target.tabIndex >= 0 && !event.target.closest('[role="grid"]')
  if (event.key !== 'Enter' && event.key !== ' ') return false
  return event.target instanceof HTMLElement && event.target.closest('a[href], button, summary, [role="option"]') !== null
}

/** `now` is when the key was pressed, not when a busy page gets round to it: a sequence counts as it was typed. */
export function handle(event: KeyboardEvent, now = event.timeStamp): void {
  if (event.defaultPrevented || event.isComposing) return
  const name = nameOf(event)
  const chord = name.startsWith('Ctrl+')
  if (!chord && isTyping(event.target)) return
  if (belongsToFocus(event)) return
  const sequence = pending && now < pendingUntil ? `${pending} ${name}` : ''
  pending = ''
  const found = (sequence && handlersOf(sequence)) || handlersOf(name)
  if (found) {
    event.preventDefault()
    found(event)
  } else if (startsSequence(name)) {
    pending = name
    pendingUntil = now + SEQUENCE_FOR
  }
}

/** Listen while the calling component lives; `modal` silences everything below. */
export function useKeys(bindings: Bindings, modal = false): void {
  onScopeDispose(bindKeys(bindings, modal))
}

export function bindKeys(bindings: Bindings, modal = false): () => void {
  const layer: Layer = { bindings, modal }
  layers.push(layer)
  return () => {
    const index = layers.indexOf(layer)
    if (index >= 0) layers.splice(index, 1)
  }
}

export function startKeys(): void {
  window.addEventListener('keydown', (event) => handle(event))
}
