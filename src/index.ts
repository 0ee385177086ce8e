import Pipe from "./components/Pipe";

// Dash looks a component up by the name of its package on `window`.
Object.assign(window, { dash_pipe: { Pipe } });
