import { type Browser, report, type Transport } from "./browser";

/** The page's socket, as django-plotly-dash makes it; see docs/protocol.md. */
export interface DpdSocket {
  wsb?: { socket?: Partial<Transport & Pick<EventTarget, "addEventListener">> };
  add_callback(call: OnMessage): void;
  send(message: object): void;
}

type OnMessage = (message: unknown) => void;

/** A window of such a page. The script that makes `dpd_wsb` looks in `dpd_wsb_pre` for those who wait for it. */
interface Page {
  dpd_wsb?: DpdSocket;
  dpd_wsb_pre?: { callbacks: OnMessage[]; sender_targets: { add_sender(socket: DpdSocket): void }[] };
  parent: Page;
}

export interface DpdHandlers {
  /** The page's socket was found. */
  onSocket(): void;
  onMessage(message: unknown): void;
}

/** In milliseconds. The script that makes `dpd_wsb` may tell only the last of those who wait, so look again. */
const SEARCH_INTERVAL = 500;
const SEARCH_WARNING = 10_000;

/**
 * Finds the page's `dpd_wsb`, in this window or one around it, and passes its messages on. A page has one
 * dispatcher, since a callback cannot be removed from `dpd_wsb`.
 */
export class DpdDispatcher {
  socket: DpdSocket | null = null;
  private searching = false;
  private readonly handlers = new Set<DpdHandlers>();

  /** Add handlers. They are called in a later microtask at the earliest. */
  add(handlers: DpdHandlers, browser: Browser): void {
    this.handlers.add(handlers);
    if (this.socket) browser.queueMicrotask(() => this.handlers.has(handlers) && handlers.onSocket());
    else if (!this.searching) {
      this.searching = true;
      browser.queueMicrotask(() => this.search(browser));
    }
  }

  remove(handlers: DpdHandlers): void {
    this.handlers.delete(handlers);
  }

  private search(browser: Browser): void {
    const pages = accessiblePages(browser as unknown as Page);
    const page = pages.find(({ dpd_wsb }) => dpd_wsb);
    if (page?.dpd_wsb) {
      page.dpd_wsb.add_callback(this.callbackFor(page));
      this.found(page.dpd_wsb);
      return;
    }
    for (const each of pages) {
      each.dpd_wsb_pre ??= { callbacks: [], sender_targets: [] };
      each.dpd_wsb_pre.callbacks.push(this.callbackFor(each));
      each.dpd_wsb_pre.sender_targets.push({ add_sender: (socket) => this.found(socket) });
    }
    browser.setTimeout(() => this.searchAgain(browser, pages, 1), SEARCH_INTERVAL);
  }

  private searchAgain(browser: Browser, pages: Page[], attempt: number): void {
    const socket = pages.find(({ dpd_wsb }) => dpd_wsb)?.dpd_wsb;
    if (socket) this.found(socket);
    if (this.socket) return;
    if (attempt * SEARCH_INTERVAL === SEARCH_WARNING)
      report(
        "timed out after 10 s waiting for the socket of this page; will retry. " +
          "Put {% dash_pipe_messages %} or {% plotly_message_pipe %} in its template.",
      );
    browser.setTimeout(() => this.searchAgain(browser, pages, attempt + 1), SEARCH_INTERVAL);
  }

  private found(socket: DpdSocket): void {
    if (this.socket) return;
    this.socket = socket;
    for (const { onSocket } of [...this.handlers]) onSocket();
  }

  private callbackFor(page: Page): OnMessage {
    return (message) => {
      if (!this.socket && page.dpd_wsb) this.found(page.dpd_wsb);
      // Two windows may have a socket each; ignore the one that is not used.
      if (!this.socket || this.socket !== (page.dpd_wsb ?? this.socket)) return;
      for (const { onMessage } of [...this.handlers]) onMessage(message);
    };
  }
}

/** Return this window and those around it, up to the first that belongs to another site. */
function accessiblePages(start: Page): Page[] {
  const pages: Page[] = [];
  try {
    for (let page = start; ; page = page.parent) {
      void page.dpd_wsb; // throws in the window of another site
      pages.push(page);
      if (!page.parent || page.parent === page) break;
    }
  } catch {}
  return pages;
}
