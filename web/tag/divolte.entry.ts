/** The script `divolte.js`. `__TAG__` is the argument of the function into which the build puts it. */

import { startDivolte } from './divolte'
import type { Page } from './page'
import type { DivolteSettings } from './settings'

declare const __TAG__: DivolteSettings

startDivolte(window as Page, __TAG__)
