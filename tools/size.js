// Print the size of each bundle, and fail if one is too large.
const { readFileSync } = require("node:fs");
const { gzipSync } = require("node:zlib");

/** The largest size of each bundle in bytes, gzipped. Every page loads the first one; few load another. */
const LIMITS = {
  "dash_pipe.min.js": 9000,
  "fallback.min.js": 1500,
  "dpd_bridge.min.js": 1700,
  "django/static/dash_pipe/dpd_page_socket.min.js": 1200,
};

for (const [name, limit] of Object.entries(LIMITS)) {
  const { length } = gzipSync(readFileSync(`dash_pipe/${name}`), { level: 9 });
  console.log(`${name}: ${length} bytes gzipped, the limit is ${limit}`);
  if (length >= limit) process.exitCode = 1;
}
