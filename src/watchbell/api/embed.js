// Counts of alerts in a page of your own, kept up to date. Served by Watchbell at /api/embed.js:
//
//   <script src="https://watchbell.example/api/embed.js" data-key="A-KEY-WITH-read:oembed" defer></script>
//   <div data-watchbell-counts="environment=Production&status=open" data-title="Production"></div>
//
// Pages made for Alerta's embed.js go on: $('#counts').alerta('/alerts/count?…', { endpoint, key, title }).
(() => {
  const REFRESH = 60_000 // milliseconds; only while the page is seen
  const script = document.currentScript
  const home = new URL('.', script.src).href.replace(/\/$/, '')

  const show = async (element, { url, title, key, endpoint }) => {
    const asked = new URL(`${endpoint || home}/oembed`)
    asked.searchParams.set('url', url)
    if (title) asked.searchParams.set('title', title)
    // In a header, not in the address: addresses end up in logs.
    const answer = await fetch(asked, { headers: key ? { 'X-API-Key': key } : {}, credentials: 'omit' })
    if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`)
    element.innerHTML = (await answer.json()).html
    element.removeAttribute('data-watchbell-stale')
  }

  const keep = (element, options) => {
    const again = () => {
      if (!element.isConnected) return clearInterval(timer)
      if (document.hidden) return undefined
      return show(element, options).catch((error) => {
        // What is shown may be old now; style it by this attribute.
        element.setAttribute('data-watchbell-stale', '')
        console.warn('Watchbell: no counts,', error.message)
      })
    }
    const timer = setInterval(again, REFRESH)
    document.addEventListener('visibilitychange', again)
    return again()
  }

  const start = () => {
    for (const element of document.querySelectorAll('[data-watchbell-counts]')) {
      const url = `${home}/alerts/count?${element.dataset.watchbellCounts}`
      keep(element, { url, title: element.dataset.title, key: script.dataset.key })
    }
  }
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start)
  else start()

  const jQuery = window.jQuery
  if (jQuery) {
    jQuery.alerta = { defaults: {} }
    jQuery.fn.alerta = function alerta(url, options) {
      return this.each((_, element) => keep(element, { ...jQuery.alerta.defaults, ...options, url }))
    }
  }
})()
