const path = require("node:path");

// Properties of our own objects, which are shortened in the bundle. No name stands here that is also on the
// wire, a property of a Pipe, or one of an object that Dash, React or the browser made and that we use.
const OURS = `
  advance allowed answered ask asked batch closed deliver deny due enter failed forget fresh
  gaps heard held holding key known lastGap leave limit listeners lose lostTo opened overflow owner
  pending pipe place placed position ready refuse refused relabel release reply reset restart rows
  sent shown start store timer trim wake wants warned wish
`;

const common = {
  mode: "production",
  devtool: false,
  resolve: { extensions: [".ts", ".tsx"] },
  module: {
    rules: [
      {
        test: /\.tsx?$/,
        loader: "ts-loader",
        // `npm run lint` checks the types; the build only takes them away.
        options: { transpileOnly: true },
      },
    ],
  },
  performance: { hints: false },
};
const output = { path: path.resolve(__dirname, "dash_pipe"), filename: "[name].min.js" };

module.exports = [
  {
    ...common,
    entry: { dash_pipe: "./src/index.ts" },
    output,
    // Dash serves React itself; a component library finds it on `window`, as it is found there.
    externals: {
      react: "window React",
      "react-dom": "window ReactDOM",
      "prop-types": "window PropTypes",
    },
    optimization: {
      minimizeOptions: {
        javascript: {
          compress: { passes: 2 },
          // `builtins` only lets the names count that some object of the browser happens to have, too.
          mangle: {
            properties: { builtins: true, regex: new RegExp(`^(${OURS.trim().split(/\s+/).join("|")})$`) },
          },
        },
      },
    },
  },
  {
    ...common,
    // For a page whose websockets fail, and for one of django-plotly-dash, which load it with `import()`.
    entry: { fallback: "./src/fallback.ts", dpd_bridge: "./src/dpd_bridge.ts" },
    output: { ...output, module: true, library: { type: "module" } },
    experiments: { outputModule: true },
  },
  {
    ...common,
    // For a page of Django's, which has it as a static file.
    entry: { dpd_page_socket: "./src/dpd_page_socket.ts" },
    output: { ...output, path: path.join(output.path, "django", "static", "dash_pipe") },
  },
];
