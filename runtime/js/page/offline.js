/** A service worker: the page and what it consists of work without a network once they were here. */

const CACHE = "adr-page";

addEventListener("install", (event) => {
  skipWaiting();
  event.waitUntil(
    (async () => {
      const files = await (await fetch("files.json")).json();
      await (await caches.open(CACHE)).addAll(files);
    })(),
  );
});
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  if (event.request.method !== "GET" || new URL(event.request.url).origin !== location.origin) return;
  event.respondWith(
    (async () => {
      const cache = await caches.open(CACHE);
      try {
        const response = await fetch(event.request);
        // Graphs and the dictionary are in the cache of the runtime already.
        if (response.ok && !/\.(onnx|xz)$/.test(event.request.url)) await cache.put(event.request, response.clone());
        return response;
      } catch (error) {
        const kept = await cache.match(event.request);
        if (kept) return kept;
        throw error;
      }
    })(),
  );
});
