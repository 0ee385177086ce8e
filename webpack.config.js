const path = require("node:path");

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
