import Pipe from "./components/Pipe";

// Dash finds a component under the name of its package on `window`.
Object.assign(window, { dash_pipe: { Pipe } });
