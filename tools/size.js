// How large the bundles are on the wire, and whether that is too much.
const { readFileSync } = require("node:fs");
const { gzipSync } = require("node:zlib");

/** Bytes, gzipped: of what every page loads, and of what a page loads whose websockets fail, or that is Django's. */
const LIMITS = {
  "dash_pipe.min.js": 8000,
  "fallback.min.js": 1000,
  "dpd_bridge.min.js": 1300,
  "django/static/dash_pipe/dpd_page_socket.min.js": 850,
};

for (const [name, limit] of Object.entries(LIMITS)) {
  const { length } = gzipSync(readFileSync(`dash_pipe/${name}`), { level: 9 });
  console.log(`${name}: ${length} bytes gzipped, the limit is ${limit}`);
  if (length >= limit) process.exitCode = 1;
}
