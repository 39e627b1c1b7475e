/** What pages do beyond showing what the server made: the overview stays up to date, and the latency page has a chart. */

/** Even without an event: requests on warm runners make none. */
const REFRESH_EVERY_MS = 2_000;
/** Events come in bursts. */
const SETTLE_MS = 120;

const live = document.getElementById('live');
const chart = document.getElementById('chart');
if (live) keepUpToDate(live);
if (chart) {
  const { drawLatency } = await import('./chart.js');
  drawLatency(chart);
}

/** @param {HTMLElement} area */
function keepUpToDate(area) {
  const state = document.getElementById('live-state');
  const pause = document.getElementById('live-pause');
  const announcer = document.getElementById('announcer');
  document.getElementById('live-bar').hidden = false;
  let isPaused = false;
  let timer = 0;
  let isAsking = false;
  let isStale = false;

  const refresh = async () => {
    if (isPaused || document.visibilityState === 'hidden') return;
    isStale = isAsking;
    if (isAsking) return;
    isAsking = true;
    try {
      const answer = await fetch('/dashboard/live', { cache: 'no-store' });
      if (answer.status === 401) return location.reload();
      const html = await answer.text();
      if (!answer.ok || isPaused) return;
      putInPlace(area, html);
      state.textContent = 'Live';
    } catch {
      state.textContent = 'The gateway does not answer. Trying again…';
    } finally {
      isAsking = false;
      if (isStale) refreshSoon();
    }
  };
  const refreshSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void refresh(), SETTLE_MS);
  };

  const events = new EventSource('/dashboard/events');
  events.addEventListener('open', () => {
    state.textContent = isPaused ? 'Paused' : 'Live';
    refreshSoon();
  });
  events.addEventListener('error', () => {
    state.textContent = 'Connection lost. Trying again…';
    // A session that is over cannot be told from a gateway that is gone but by asking.
    refreshSoon();
  });
  events.addEventListener('message', ({ data }) => {
    const words = isPaused ? null : wordsOf(JSON.parse(data));
    if (words !== null) announcer.textContent = words;
    refreshSoon();
  });
  setInterval(() => void refresh(), REFRESH_EVERY_MS);
  document.addEventListener('visibilitychange', refreshSoon);
  pause.addEventListener('click', () => {
    isPaused = !isPaused;
    pause.setAttribute('aria-pressed', String(isPaused));
    state.textContent = isPaused ? 'Paused' : 'Live';
    refreshSoon();
  });
}

/**
 * Replaces only parts that are other than before, and gives the focus back to what had it.
 * @param {HTMLElement} area
 * @param {string} html
 */
function putInPlace(area, html) {
  const fresh = new DOMParser().parseFromString(html, 'text/html');
  for (const part of area.querySelectorAll('[data-part]')) {
    const next = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!next || next.innerHTML === part.innerHTML) continue;
    const places = scrolledTo(part);
    const hadFocus = part.contains(document.activeElement) ? focusPlace(part, document.activeElement) : null;
    part.replaceChildren(...next.childNodes);
    for (const [index, left] of places) scrollersOf(part)[index]?.scrollTo({ left, behavior: 'instant' });
    if (hadFocus) hadFocus()?.focus({ preventScroll: true });
  }
}

/**
 * @param {Element} part
 * @param {Element} focused
 */
function focusPlace(part, focused) {
  const { id } = focused;
  if (id) return () => document.getElementById(id) ?? scrollersOf(part)[0];
  const index = scrollersOf(part).indexOf(focused);
  return () => scrollersOf(part)[Math.max(0, index)];
}

/** @param {Element} part */
function scrollersOf(part) {
  return [...part.querySelectorAll('.scroll')];
}

/** @param {Element} part */
function scrolledTo(part) {
  return scrollersOf(part).map((scroller, index) => [index, scroller.scrollLeft]);
}

/** What is worth saying aloud. */
function wordsOf({ type, combo, runner }) {
  switch (type) {
    case 'runner_spawned':
    case 'standby_claimed':
      return `Starting ${combo}`;
    case 'combo_ready':
      return `${combo} is ready`;
    case 'combo_failed':
      return `${combo} failed to start`;
    case 'combo_quarantined':
      return `${combo} is in quarantine`;
    case 'runner_failed':
    case 'runner_hung':
      return `Runner ${runner} failed`;
    case 'pinned':
      return `${combo} is pinned`;
    case 'unpinned':
    case 'pin_ended':
      return `${combo} is no longer pinned`;
    default:
      return null;
  }
}
