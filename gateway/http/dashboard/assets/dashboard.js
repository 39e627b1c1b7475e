/**
 * What pages do beyond showing what the server made: the overview stays up to date, the latency page has a chart, and the
 * keep-warm page shows its figures as soon as they are worked out.
 */

/** Even without an event: requests on warm runners make none. */
const REFRESH_EVERY_MS = 2_000;
/** Events come in bursts. */
const SETTLE_MS = 120;
/** How often it is asked whether figures are worked out. */
const LOOK_EVERY_MS = 700;

const live = document.getElementById('live');
const chart = document.getElementById('chart');
const worked = document.getElementById('worked');
if (worked?.dataset.working !== undefined) void lookAgain(worked);
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

/**
 * Asks for the page again until what it waits for is there, and puts that in place; a screen reader is told by the status.
 * @param {HTMLElement} area
 */
async function lookAgain(area) {
  while (area.dataset.working !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    if (document.visibilityState === 'hidden') continue;
    const answer = await fetch(location.href, { cache: 'no-store' }).catch(() => null);
    if (!answer?.ok) continue;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const fresh = page.getElementById('worked');
    // Somebody logged out meanwhile: the page that came is the way in.
    if (!fresh) return location.reload();
    if (fresh.dataset.working !== undefined) continue;
    delete area.dataset.working;
    for (const id of ['worked-state', 'worked-out'])
      document.getElementById(id).replaceChildren(...page.getElementById(id).childNodes);
  }
}
