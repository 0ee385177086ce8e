const path = require("node:path");

// Dash serves React itself; a component library finds it on `window`, as it is found there.
module.exports = {
  mode: "production",
  devtool: false,
  entry: "./src/index.ts",
  output: {
    path: path.resolve(__dirname, "dash_pipe"),
    filename: "dash_pipe.min.js",
  },
  externals: {
    react: "window React",
    "react-dom": "window ReactDOM",
    "prop-types": "window PropTypes",
  },
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
