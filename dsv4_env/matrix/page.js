"use strict";
(() => {
  const one = (query, from = document) => from.querySelector(query);
  const all = (query, from = document) => [...from.querySelectorAll(query)];
  const root = document.documentElement;
  root.classList.add("js");

  // Elements are only ever made of text: nothing that a script said can become markup.
  const make = (tag, kind, text, ...children) => {
    const element = document.createElement(tag);
    if (kind) element.className = kind;
    if (text) element.textContent = text;
    element.append(...children.filter(Boolean));
    return element;
  };

  // A path or name that may wrap where its parts end.
  const wrapping = (kind, text) => {
    const element = make("div", kind);
    for (const part of text.split(/(?<=[_/:-])(?![_/:-])/)) element.append(...(element.firstChild ? [make("wbr")] : []), part);
    return element;
  };

  let parsed = null;
  const data = () => (parsed ??= JSON.parse(one("#data").textContent));
  const MARKS = { missing: "−", changed: "≠", extra: "+", unknown: "?", renamed: "↔", reordered: "↕", "no effect": "∅", equivalent: "≈", same: "✓", "not compared": "·" };

  // Light and dark

  const theme = one("#theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const stored = (value) => {
    try {
      if (value) localStorage.setItem("dsv4-env-theme", value);
      return localStorage.getItem("dsv4-env-theme");
    } catch {
      return null;
    }
  };
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const labelTheme = () => {
    theme.textContent = isDark() ? "Light theme" : "Dark theme";
  };
  if (["dark", "light"].includes(stored())) root.dataset.theme = stored();
  theme.hidden = false;
  labelTheme();
  system.addEventListener("change", labelTheme);
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    stored(root.dataset.theme);
    labelTheme();
  });

  // What is shown: kept in the address, so that a link shows the same

  const views = all(".view");
  const names = views.map((v) => v.id.replace("view-", ""));
  const q = one("#q"), chips = all(".chip"), grid = one("#grid"), panel = one("#panel");
  const choices = { profile: one("#profile"), owner: one("#owner"), section: one("#section"), target: one("#target") };
  const state = { q: "", profile: "", owner: "", section: "", target: "", status: [], view: names[0], open: "" };
  const empty = { ...state };

  const readState = () => {
    const found = new URLSearchParams(location.hash.slice(1));
    Object.assign(state, empty);
    for (const key of ["q", "open", ...Object.keys(choices)]) state[key] = found.get(key) ?? "";
    state.status = (found.get("status") ?? "").split(",").filter(Boolean);
    if (names.includes(found.get("view"))) state.view = found.get("view");
  };
  const writeState = () => {
    const kept = new URLSearchParams();
    for (const [key, value] of Object.entries(state)) {
      if (String(value) && String(value) !== String(empty[key])) kept.set(key, String(value));
    }
    const hash = kept.toString();
    if (hash !== location.hash.slice(1)) history.replaceState(null, "", `#${hash}`);
  };

  const there = (item) => item.parentElement.dataset.group !== "made" || item.dataset.made !== undefined;
  const fits = (item) => {
    const { name = "", owner: whose, section: where, status, made } = item.dataset;
    return (
      state.q.toLowerCase().split(/\s+/).every((word) => name.includes(word)) &&
      (!state.owner || whose === undefined || whose === state.owner) &&
      (!state.section || where === undefined || where === state.section) &&
      (!state.status.length || status === undefined || state.status.some((s) => (s === "made" ? made !== undefined : status.split(",").includes(s)))) &&
      there(item) &&
      !(state.profile && item.matches(".row") && ![...item.cells].some((c, n) => n && !c.hidden && c.firstChild))
    );
  };

  // One profile's columns, and what SGLang makes of them on one target

  let columnsOf = "", targetOf = "0";
  const chooseColumns = () => {
    if (!grid || columnsOf === state.profile) return;
    columnsOf = state.profile;
    let column = 0;
    const bands = all(".band", grid), kept = [];
    for (const band of bands) {
      band.hidden = Boolean(state.profile) && band.textContent !== state.profile;
      for (let n = 0; n < band.colSpan; n += 1) kept[column++] = !band.hidden;
    }
    for (const line of all("thead tr:last-child, .row", grid)) {
      for (const [n, keep] of kept.entries()) line.cells[n + 1].hidden = !keep;
    }
  };
  const chooseTarget = () => {
    const chosen = String(state.target || 0);
    if (!choices.target || targetOf === chosen) return;
    targetOf = chosen;
    for (const made of all(".made")) made.hidden = made.dataset.target !== chosen;
    const lines = new Map(all(".row", grid).map((line) => [Number(line.dataset.row), line]));
    for (const old of all("td i", grid)) old.remove();
    for (const line of lines.values()) delete line.dataset.made;
    for (const [n, tag] of all("thead [data-col] .stop", grid).entries()) tag.hidden = !(n in data().targets[chosen].stops);
    const stops = one("#stops"), said = data().targets[chosen].said;
    stops.hidden = !said;
    stops.textContent = said;
    const head = stops.closest(".verdict"), good = !head.classList.contains("bad");
    head.classList.toggle("good", good && !said);
    head.classList.toggle("stops", good && Boolean(said));
    if (good) one(".sign", head).textContent = said ? "✗" : "✓";
    for (const [row, column, text] of data().targets[chosen].cells) {
      lines.get(row).dataset.made = "";
      lines.get(row).cells[column + 1].append(make("i", "", data().texts[text][0]));
    }
  };
  let wasFiltered = false;
  const fold = (group, folded) => {
    group.classList.toggle("folded", folded);
    one(".title button", group).setAttribute("aria-expanded", String(!folded));
  };
  const apply = () => {
    let shown = 0, of = 0;
    if (choices.target && !choices.target.options[state.target || 0]) state.target = "";
    if (choices.profile && ![...choices.profile.options].some((o) => o.value === state.profile)) state.profile = "";
    const filtered = Boolean(state.q || state.owner || state.section || state.profile || (state.view === "matrix" && state.status.length));
    chooseColumns();
    chooseTarget();
    for (const view of views) {
      view.hidden = view.id !== `view-${state.view}`;
      const items = all("[data-name]", view).filter((item) => !item.closest(".made")?.hidden && there(item));
      for (const item of all("[data-name]", view)) item.hidden = !fits(item);
      if (view.hidden) continue;
      of = items.length;
      shown = items.filter((item) => !item.hidden).length;
    }
    if (filtered && !wasFiltered) for (const group of all(".group.folded")) fold(group, false);
    wasFiltered = filtered;
    for (const group of all(".group, .layers")) group.hidden = !one("[data-name]:not([hidden])", group);
    for (const tab of tabs) {
      const chosen = tab.id === `tab-${state.view}`;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    }
    for (const chip of chips) chip.setAttribute("aria-pressed", String(state.status.includes(chip.dataset.status)));
    one("#count").textContent = filtered ? `${shown} of ${of} shown` : "";
    one("#clear").hidden = !filtered;
    one("#nothing").hidden = !(filtered && of && !shown);
    if (q.value !== state.q) q.value = state.q;
    for (const [key, choice] of Object.entries(choices)) if (choice) choice.value = key === "target" ? state.target || "0" : state[key];
    if (choices.profile) choices.profile.hidden = state.view !== "matrix";
    if (choices.target) choices.target.parentElement.hidden = !["matrix", "effective"].includes(state.view);
    if (one("#chips")) one("#chips").hidden = state.view !== "matrix";
    writeState();
  };

  const list = one(".tabs");
  const tabs = views.map((view, index) => {
    const tab = make("button", "", view.dataset.title);
    tab.type = "button";
    tab.id = `tab-${names[index]}`;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", view.id);
    if (view.dataset.count) tab.append(" ", make("span", "n", view.dataset.count));
    view.setAttribute("role", "tabpanel");
    view.setAttribute("aria-labelledby", tab.id);
    list.append(tab);
    return tab;
  });
  list.hidden = views.length < 2;
  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (!tab) return;
    state.view = tab.id.replace("tab-", "");
    if (state.view !== "matrix") close();
    apply();
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
    next.focus();
    next.click();
  });
  q.addEventListener("input", () => { state.q = q.value; apply(); });
  for (const [key, choice] of Object.entries(choices)) {
    choice?.addEventListener("change", () => {
      state[key] = key === "target" && choice.value === "0" ? "" : choice.value;
      apply();
      if (!panel.hidden && opened) open(opened, false);
    });
  }
  one(".chips")?.addEventListener("click", (event) => {
    const status = event.target.closest(".chip")?.dataset.status;
    if (!status) return;
    state.status = state.status.includes(status) ? state.status.filter((s) => s !== status) : [...state.status, status];
    apply();
  });
  one("#clear").addEventListener("click", () => {
    Object.assign(state, { q: "", profile: "", owner: "", section: "", status: [] });
    apply();
    q.focus();
  });

  // The matrix: one listener for all cells, one cell in the order of Tab

  let current = null, opened = null;
  const rows = () => all("thead tr:last-child, .group:not([hidden]):not(.folded) .row:not([hidden])", grid);
  const enter = (cell, focus = true) => {
    current?.removeAttribute("tabindex");
    current = cell;
    cell.tabIndex = 0;
    if (focus) {
      cell.focus({ preventScroll: true });
      cell.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  };
  const open = (cell, focus) => {
    const column = cell.cellIndex - 1;
    const row = cell.parentElement.dataset.row;
    if (row === undefined && column < 0) return;
    opened?.classList.remove("open");
    opened = cell;
    cell.classList.add("open");
    fill(row === undefined ? null : Number(row), column);
    panel.hidden = false;
    panel.scrollTop = 0;
    cell.scrollIntoView({ block: "nearest", inline: "nearest" }); // the panel takes room from it
    if (focus) one("#panel-title").focus();
    state.open = `${row ?? ""}@${column}`;
    writeState();
  };
  const close = () => {
    if (panel.hidden) return;
    panel.hidden = true;
    opened?.classList.remove("open");
    if (opened && panel.ownerDocument.contains(opened)) enter(opened, state.view === "matrix");
    opened = null;
    state.open = "";
    writeState();
  };

  if (grid) {
    grid.addEventListener("click", (event) => {
      const group = event.target.closest(".title button")?.closest(".group");
      if (group) {
        fold(group, !group.classList.contains("folded"));
        return;
      }
      const cell = event.target.closest(".row > *, thead [data-col]");
      if (!cell) return;
      enter(cell);
      open(cell, false);
    });
    grid.addEventListener("keydown", (event) => {
      const cell = event.target.closest(".row > *, thead tr:last-child > *");
      if (!cell || event.altKey || event.metaKey) return;
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        open(cell, true);
        return;
      }
      const lines = rows();
      const columns = [...cell.parentElement.cells].filter((c) => !c.hidden).map((c) => c.cellIndex);
      let line = lines.indexOf(cell.parentElement), column = columns.indexOf(cell.cellIndex);
      const last = columns.length - 1;
      if (event.key === "ArrowDown") line += 1;
      else if (event.key === "ArrowUp") line -= 1;
      else if (event.key === "ArrowRight") column += 1;
      else if (event.key === "ArrowLeft") column -= 1;
      else if (event.key === "PageDown") line = Math.min(line + 10, lines.length - 1);
      else if (event.key === "PageUp") line = Math.max(line - 10, 0);
      else if (event.key === "Home") [line, column] = [event.ctrlKey ? 0 : line, 0];
      else if (event.key === "End") [line, column] = [event.ctrlKey ? lines.length - 1 : line, last];
      else return;
      event.preventDefault();
      const next = lines[line]?.cells[columns[column]];
      if (!next) return;
      enter(next);
      if (!panel.hidden) open(next, false);
    });
    const first = one(".group .row > *", grid);
    if (first) enter(first, false);
  }
  one("#close").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    if (event.key === "/" && !/^(INPUT|SELECT)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      q.focus();
    }
  });

  // The panel

  const facts = (pairs) => {
    const found = make("dl");
    for (const [key, value] of pairs) found.append(make("dt", "", key), make("dd", "", value));
    return found;
  };
  const part = (title, ...children) => {
    const kept = children.flat().filter(Boolean);
    return kept.length ? [make("h3", "", title), ...kept] : [];
  };
  const finding = (f) => {
    if (typeof f === "number") {
      const found = one(`#f${f}`);
      return make("div", found.className, "", ...[...found.cloneNode(true).children]);
    }
    return make(
      "div", `card finding ${f.severity}`, "",
      make("div", "message", f.message),
      ...f.effect.map((text) => make("p", "effect", text)),
      make("div", "rule dim", `${f.severity} · ${f.id} ${f.rule}`),
      f.source ? Object.assign(make("pre", "", f.source), { tabIndex: 0 }) : null,
      f.waiver ? make("div", "dim", f.waiver) : null,
    );
  };
  const chain = (origins) => {
    const found = make("ol", "chain");
    origins.forEach(([who, place, value], index) => {
      const did = value === null ? "unsets it" : index ? `overridden: ${value}` : "";
      found.append(make("li", "", "", make("strong", "", who), " ", make("code", "dim", place), did ? ` ${did}` : ""));
    });
    return found;
  };
  const side = (title, cell) => {
    const box = make("div", "side", "", wrapping("who", title));
    if (!cell || !cell.m.length) box.append(make("div", "value gone", "not set"));
    for (const m of cell?.m ?? []) {
      box.append(make("div", m.x ? "value gone" : "value", m.v));
      const more = [m.n, m.c && `when ${m.c}`, m.x && "set again later: the last one wins", m.u && `can't be known: ${m.u}`];
      const text = more.filter(Boolean).join(" · ");
      if (text) box.append(make("div", "sub", text));
      box.append(chain(m.o));
    }
    return box;
  };
  const madeOf = (row, column) => {
    const found = data().targets[state.target || 0]?.cells.find((c) => c[0] === row && c[1] === column);
    return found && data().texts[found[2]];
  };
  const effect = (row, column) => {
    const found = column >= 0 && madeOf(row, column);
    if (!found) return [];
    const [shown, , , why, at] = found;
    return part(
      "What SGLang makes of it",
      make("div", "side", "", make("div", "who", data().targets[state.target || 0].title), make("div", "value", `→ ${shown}`), why ? make("div", "sub", why) : null, at ? make("code", "dim", at) : null),
    );
  };
  const stateLine = (cell) => {
    const kind = cell.s === "same" ? "same" : ["not compared", "no effect", "equivalent", "reordered"].includes(cell.s) ? "" : (cell.k ?? "");
    return make("p", `state-line ${kind}`, "", make("b", "", MARKS[cell.s]), make("span", "", cell.k === "waived" ? `${cell.s}, waived` : cell.s));
  };
  const fill = (row, column) => {
    const { columns, rows: settings } = data();
    const body = [];
    const title = row === null ? columns[column].title : settings[row].name;
    if (row === null) {
      const stop = data().targets[state.target || 0]?.stops[column];
      if (stop) body.push(make("p", "state-line error", "", make("b", "", "✗"), make("span", "", `It doesn't start on ${data().targets[state.target || 0].title}: ${stop}`)));
      body.push(...part("About it", facts(columns[column].facts)));
    }
    else if (column < 0) {
      const cells = settings[row].cells;
      body.push(...part("SGLang's catalogue", facts(settings[row].facts)));
      body.push(...part("Everywhere", columns.map((c, index) => {
        const cell = cells[index], made = madeOf(row, index);
        if (!cell && !made) return null;
        const text = cell ? cell.m.filter((m) => !m.x).map((m) => m.v).join(" · ") || "not set" : "not set";
        return make("div", "side", "", wrapping("who", c.title), make("div", "value", `${cell?.s ? `${MARKS[cell.s]} ` : ""}${text}`), made ? make("div", "sub", `→ ${made[0]}${made[3] ? ` (${made[3]})` : ""}`) : null);
      })));
    } else {
      const { cells, facts: known } = settings[row];
      let reference = column;
      while (reference > 0 && columns[reference].held) reference -= 1;
      const cell = cells[column];
      body.push(wrapping("sub", columns[column].title));
      if (cell?.s) body.push(stateLine(cell));
      if (cell?.f) body.push(...part(cell.f.length > 1 ? "Findings" : "Finding", cell.f.map(finding)));
      const sides = [side(columns[column].title, cell)];
      if (reference !== column) sides.push(side(columns[reference].title, cells[reference]));
      body.push(...effect(row, column));
      body.push(...part("Where it is set", cell || cells[reference] ? sides : [make("p", "dim", "Neither side sets it.")]));
      body.push(...part("SGLang's catalogue", facts(known)));
    }
    const timeline = row !== null && one(`#view-history [data-name="${CSS.escape(settings[row].name.toLowerCase())}"]`);
    if (timeline) {
      const button = make("button", "", "Show its history");
      button.type = "button";
      button.addEventListener("click", () => {
        close();
        Object.assign(state, { view: "history", q: settings[row].name.toLowerCase(), status: [] });
        apply();
      });
      body.push(...part("Over time", button));
    }
    one("#panel-title").textContent = title;
    one("#panel-body").replaceChildren(...body);
  };

  const show = () => {
    readState();
    apply();
    const [row, column] = state.open.split("@");
    const line = row ? one(`[data-row="${CSS.escape(row)}"]`) : one("thead tr:last-child", grid ?? document);
    const cell = grid && state.open && line?.cells[Number(column) + 1];
    if (cell && cell !== opened) {
      if (line.closest(".group")) fold(line.closest(".group"), false);
      enter(cell, false);
      open(cell, false);
    }
  };
  addEventListener("hashchange", show);
  addEventListener("beforeprint", () => { for (const d of all(".looked, .layers")) d.open = true; });
  if (matchMedia("(max-width: 48rem)").matches) one(".looked")?.removeAttribute("open");
  one("#bar").hidden = false;
  show();
})();
