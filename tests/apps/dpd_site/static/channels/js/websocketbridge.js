// As much of the script that django-plotly-dash's tag asks for as the tag uses; its wheel does not have it.
window.channels = {
  WebSocketBridge: class {
    connect(path) {
      const events = new EventTarget();
      const open = () => {
        const socket = new WebSocket(path.replace(/^\//, `ws://${location.host}/`));
        this.current = socket;
        socket.onopen = () => events.dispatchEvent(new Event("open"));
        socket.onclose = () => {
          events.dispatchEvent(new Event("close"));
          setTimeout(open, 200);
        };
        socket.onmessage = ({ data }) => this.heard?.(JSON.parse(data), null);
      };
      open();
      const bridge = this;
      this.socket = {
        get readyState() {
          return bridge.current.readyState;
        },
        addEventListener: (...event) => events.addEventListener(...event),
      };
    }
    listen(heard) {
      this.heard = heard;
    }
    send(message) {
      const text = JSON.stringify(message);
      if (this.current.readyState === 1) this.current.send(text);
      else this.socket.addEventListener("open", () => this.current.send(text), { once: true });
    }
  },
};
