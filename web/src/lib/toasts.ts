/**
 * Short messages at the edge; an undoable action stays for ten seconds, as long as it can be undone, and every message as
 * long as the mouse is over one or the focus in it: nobody loses a button that they are about to press.
 */
import { reactive } from 'vue'

export interface Toast {
  id: number
  text: string
  problem: boolean
  undo: (() => Promise<unknown>) | null
}

const UNDO_FOR = 10_000
const SHOW_FOR = 5_000
const PROBLEM_FOR = 12_000
const LOOK_AGAIN = 1000

export const toasts = reactive<Toast[]>([])
let next = 1

export function say(text: string, options: { problem?: boolean; undo?: () => Promise<unknown> } = {}): number {
  const toast: Toast = { id: next++, text, problem: options.problem ?? false, undo: options.undo ?? null }
  toasts.push(toast)
  if (toasts.length > 3) toasts.shift()
  setTimeout(() => leave(toast.id), toast.undo ? UNDO_FOR : toast.problem ? PROBLEM_FOR : SHOW_FOR)
  return toast.id
}

function leave(id: number): void {
  const stack = document.querySelector('.toasts')
  if (stack?.matches(':hover') || stack?.contains(document.activeElement)) setTimeout(() => leave(id), LOOK_AGAIN)
  else dismiss(id)
}

export function dismiss(id: number): void {
  const index = toasts.findIndex((toast) => toast.id === id)
  if (index >= 0) toasts.splice(index, 1)
}

/** Undo the newest action that still can be undone. Answers whether there was one. */
export async function undoNewest(): Promise<boolean> {
  const toast = toasts.findLast((one) => one.undo)
  if (!toast?.undo) return false
  dismiss(toast.id)
  await toast.undo()
  return true
}
