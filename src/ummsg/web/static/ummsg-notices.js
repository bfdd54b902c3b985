/*
 * <ummsg-notices src="https://ummsg.example.com" token="umc_…">There are none now.</ummsg-notices>
 *
 * The notices of the customer whose token it has, on any page. `src` is where ummsg is served, and may be left out where
 * this script comes from there (and is no module). What stands inside is shown when there are none.
 *
 * It asks when it gets its token, when the page is shown, and every five minutes while it is; `refresh()` asks at once.
 * Without an answer it goes on showing what that customer was shown before, and dispatches "ummsg-error", with the status
 * (0 without one) in detail.status. 401 says that the token has expired: then it shows nothing until it has a new one.
 * "ummsg-dismissed" has the notice's id in detail.id.
 *
 * Nothing here needs a policy (CSP) weaker than script-src and connect-src for that origin.
 */
(() => {
  "use strict";

  if (customElements.get("ummsg-notices")) return;

  const HOME = document.currentScript ? new URL(document.currentScript.src).origin : location.origin;
  const REFRESH = 5 * 60 * 1000;

  const WORDS = {
    en: {
      notices: "Notices",
      close: "Close: {}",
      closed: "Closed: {}",
      failed: "It could not be closed. Please try again.",
      success: "Success",
      info: "Information",
      warning: "Warning",
      error: "Error",
    },
    sv: {
      notices: "Meddelanden",
      close: "Stäng: {}",
      closed: "Stängt: {}",
      failed: "Det gick inte att stänga. Försök igen.",
      success: "Klart",
      info: "Information",
      warning: "Varning",
      error: "Fel",
    },
  };

  const STYLE = `
    :host { display: block; color-scheme: light dark; font: inherit; line-height: 1.5; }
    :host([hidden]) { display: none; }
    .notices { list-style: none; margin: 0; padding: 0; }
    .notice {
      --accent: #72aee6;
      position: relative; box-sizing: border-box; margin-block: 0 0.75rem;
      padding-block: 0.75rem; padding-inline: 1rem 3.5rem;
      border: 1px solid #c3c4c7; border-inline-start: 0.25rem solid var(--accent);
      background: #fff; color: #1d2327; overflow-wrap: anywhere;
      transition: opacity 150ms;
    }
    .notice[data-type="success"] { --accent: #00a32a; }
    .notice[data-type="warning"] { --accent: #dba617; }
    .notice[data-type="error"] { --accent: #d63638; }
    .notice:last-child { margin-block-end: 0; }
    .notice.gone { opacity: 0; }
    .subject { margin: 0 0 0.25rem; font-size: 1em; font-weight: 600; }
    .content > :first-child { margin-block-start: 0; }
    .content > :last-child { margin-block-end: 0; }
    a { color: #135e96; }
    .notice > button {
      position: absolute; inset-block-start: 0.25rem; inset-inline-end: 0.25rem;
      inline-size: 2.75rem; block-size: 2.75rem; border: 0; border-radius: 0.25rem;
      background: transparent; color: inherit; font: 1.25rem/1 system-ui, sans-serif; cursor: pointer;
    }
    :focus-visible { outline: 3px solid #135e96; outline-offset: -1px; }
    .quiet {
      position: absolute; inline-size: 1px; block-size: 1px; margin: -1px; padding: 0; overflow: hidden;
      clip-path: inset(50%); white-space: nowrap;
    }
    @media (prefers-color-scheme: dark) {
      .notice { background: #1f2428; color: #e6e8ea; border-color: #50575e; border-inline-start-color: var(--accent); }
      a { color: #9ec2e6; }
      :focus-visible { outline-color: #9ec2e6; }
    }
    @media (prefers-reduced-motion: reduce) { .notice { transition: none; } }
    @media (forced-colors: active) { .notice { border-inline-start-width: 0.5rem; } }
  `;

  class UmmsgNotices extends HTMLElement {
    static observedAttributes = ["token", "src"];

    #list = document.createElement("ul");
    #spoken = document.createElement("p");
    #otherwise = document.createElement("slot");
    #shown = "";
    #asking = null;
    #timer = null;

    constructor() {
      super();
      const root = this.attachShadow({ mode: "open" });
      const style = new CSSStyleSheet(); // no <style>: a strict policy forbids it
      style.replaceSync(STYLE);
      root.adoptedStyleSheets = [style];
      this.#list.className = "notices";
      this.#spoken.className = "quiet";
      this.#spoken.setAttribute("role", "status");
      this.#otherwise.hidden = true;
      root.append(this.#spoken, this.#list, this.#otherwise);
    }

    connectedCallback() {
      this.#list.tabIndex = -1; // where the focus goes when the last notice is closed
      this.#list.setAttribute("role", "list"); // Safari forgets that it is one without bullets
      this.#list.setAttribute("aria-label", this.#words.notices);
      document.addEventListener("visibilitychange", this.#whenVisible);
      this.#timer = setInterval(this.#whenVisible, REFRESH);
      this.refresh();
    }

    disconnectedCallback() {
      document.removeEventListener("visibilitychange", this.#whenVisible);
      clearInterval(this.#timer);
      this.#asking?.abort();
    }

    attributeChangedCallback() {
      this.#forget(); // it may be another customer's from now on
      if (this.isConnected) this.refresh();
    }

    /** Ask again what is to be shown. */
    async refresh() {
      this.#asking?.abort();
      const asking = (this.#asking = new AbortController());
      try {
        const answer = await this.#ask("/v1/notices", { cache: "no-cache", signal: asking.signal });
        const text = await answer.text();
        if (text !== this.#shown) this.#show(JSON.parse(text).notices);
        this.#shown = text;
      } catch (error) {
        if (error.name !== "AbortError") this.#fail(error);
      }
    }

    #whenVisible = () => {
      if (document.visibilityState === "visible") this.refresh();
    };

    get #words() {
      const language = this.closest("[lang]")?.lang || navigator.language || "en";
      return WORDS[language.slice(0, 2).toLowerCase()] ?? WORDS.en;
    }

    async #ask(path, options) {
      const where = new URL(path, this.getAttribute("src") || HOME);
      const headers = { Authorization: `Bearer ${this.getAttribute("token") ?? ""}` };
      const answer = await fetch(where, { ...options, headers, credentials: "omit", referrerPolicy: "no-referrer" });
      if (!answer.ok) throw Object.assign(new Error(`ummsg answered ${answer.status}`), { status: answer.status });
      return answer;
    }

    #fail(error) {
      if (error.status === 401) this.#forget();
      console.warn("ummsg-notices:", error.message);
      this.dispatchEvent(new CustomEvent("ummsg-error", { detail: { status: error.status ?? 0 } }));
    }

    #forget() {
      this.#list.replaceChildren();
      this.#otherwise.hidden = true;
      this.#shown = "";
    }

    #show(notices) {
      this.#otherwise.hidden = notices.length > 0;
      const focused = this.shadowRoot.activeElement?.closest(".notice")?.dataset.id;
      this.#list.replaceChildren(...notices.map((notice) => this.#item(notice)));
      this.#list.querySelector(`.notice[data-id="${focused}"] > button`)?.focus();
    }

    #item(notice) {
      const words = this.#words;
      const item = document.createElement("li");
      item.className = "notice";
      item.dataset.id = notice.id;
      item.dataset.type = notice.notice_type;

      const title = document.createElement("h2");
      title.className = "subject";
      const kind = document.createElement("span");
      kind.textContent = `${words[notice.notice_type] ?? words.info}: `;
      const subject = document.createElement("bdi");
      subject.textContent = notice.subject;
      title.append(kind, subject);

      const content = document.createElement("div");
      content.className = "content";
      content.dir = "auto";
      content.innerHTML = notice.html; // sanitised where it was stored, and again where it was served

      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "×";
      button.setAttribute("aria-label", words.close.replace("{}", () => notice.subject));
      button.addEventListener("click", () => this.#dismiss(item, notice));

      item.append(title, content, button);
      return item;
    }

    async #dismiss(item, notice) {
      const words = this.#words;
      const button = item.querySelector(":scope > button");
      if (item.dataset.closing) return;
      item.dataset.closing = "yes"; // not `disabled`, which would take the focus away
      this.#asking?.abort(); // what was asked before would bring it back
      try {
        await this.#ask(`/v1/notices/${notice.id}/dismiss`, { method: "POST" });
      } catch (error) {
        if (error.status !== 404) { // 404: it is not there any more, which is what was wanted
          delete item.dataset.closing;
          this.#spoken.textContent = words.failed;
          this.#fail(error);
          return;
        }
      }
      const next = item.nextElementSibling ?? item.previousElementSibling;
      const target = next?.querySelector("button") ?? this.#list;
      item.classList.add("gone");
      await Promise.allSettled(item.getAnimations().map((animation) => animation.finished));
      const hadFocus = this.shadowRoot.activeElement === button;
      item.remove();
      if (hadFocus) target.focus();
      this.#spoken.textContent = words.closed.replace("{}", () => notice.subject);
      this.dispatchEvent(new CustomEvent("ummsg-dismissed", { detail: { id: notice.id } }));
      this.refresh();
    }
  }

  customElements.define("ummsg-notices", UmmsgNotices);
})();
