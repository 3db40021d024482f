// Collects what web-vitals defines: the largest contentful paint, the largest burst of layout shifts, and how long
// what somebody did took to be seen. Runs before anything else in every frame.
"use strict";
(() => {
  const seen = { lcp: 0, cls: 0, interactions: {} };
  let burst = { value: 0, first: 0, last: 0 };
  const watch = (type, each, options = {}) =>
    new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true, ...options });
  watch("largest-contentful-paint", (entry) => { seen.lcp = entry.startTime; });
  watch("layout-shift", (entry) => {
    if (entry.hadRecentInput) return;
    const goesOn = entry.startTime - burst.last < 1000 && entry.startTime - burst.first < 5000;
    burst = goesOn
      ? { value: burst.value + entry.value, first: burst.first, last: entry.startTime }
      : { value: entry.value, first: entry.startTime, last: entry.startTime };
    seen.cls = Math.max(seen.cls, burst.value);
  });
  watch("event", (entry) => {
    if (!entry.interactionId) return;
    seen.interactions[entry.interactionId] = Math.max(seen.interactions[entry.interactionId] || 0, entry.duration);
  }, { durationThreshold: 16 });
  window.vitals = () => seen;
})();
