"use strict";
// Filters, sorts and shows the rows of the report. Only the rows in view are in the document. Values are set as text,
// never as HTML. What is chosen is kept in the address after "#", so that a view can be a bookmark.
(() => {
  const ROW_HEIGHT = 31;
  const MARGIN_ROWS = 20;
  const MAX_PRINTED = 1000;
  const SHOWN = [
    ["repo_id", "repo"], ["library", "library"], ["task", "task"], ["model_class", "class"],
    ["framework", "framework"], ["architecture", "architecture"], ["remark", "remark"], ["checked_at", "checked"],
  ];
  const MARKS = [["conflict", "conflict"], ["requires_remote_code", "remote code"], ["partial", "partial"], ["stale", "stale"]];
  const SEARCHED = ["repo_id", "canonical_id", "revision", "commit_hash", "library", "task", "model_class", "framework",
    "architecture", "model_type", "pipeline_tag", "library_name", "error", "undecided", "notes", "base_models"];

  const find = (id) => document.getElementById(id);
  const data = JSON.parse(find("data").textContent);
  const columns = new Map(data.keys.map((key, place) => [key, data.columns[place]]));
  const allRows = Array.from({ length: data.count }, (_, row) => row);

  function read(key, row) {
    const column = columns.get(key);
    if (column === undefined) return "";
    return column.texts !== undefined ? column.texts[row] : column.values[column.rows[row]];
  }

  function remark(row) {
    const alone = read("error", row) || (read("undecided", row) && `undecided: ${read("undecided", row)}`);
    if (alone) return alone;
    return MARKS.filter(([key]) => read(key, row)).map(([, name]) => name).join(", ");
  }

  const remarks = { texts: allRows.map(remark) };
  if (["error", "undecided", ...MARKS.map(([key]) => key)].some((key) => columns.has(key))) columns.set("remark", remarks);
  const shownColumns = SHOWN.filter(([key]) => columns.has(key));

  // --- What is chosen ------------------------------------------------------------------------------------------------

  const state = { words: "", only: "", sort: "", isDescending: false, values: new Map() };

  function readAddress() {
    const chosen = new URLSearchParams(location.hash.slice(1));
    state.words = chosen.get("search") ?? "";
    const only = chosen.get("only") ?? "";
    state.only = columns.has(only) ? only : "";
    const sort = chosen.get("sort") ?? "";
    state.isDescending = sort.startsWith("-");
    state.sort = columns.has(sort.replace("-", "")) ? sort.replace("-", "") : "";
    state.values = new Map([...chosen].filter(([key]) => key.startsWith("where.") && columns.has(key.slice(6)))
      .map(([key, value]) => [key.slice(6), value]));
    return chosen.get("repo");
  }

  function writeAddress(repo) {
    const chosen = new URLSearchParams();
    if (state.words) chosen.set("search", state.words);
    if (state.only) chosen.set("only", state.only);
    if (state.sort) chosen.set("sort", (state.isDescending ? "-" : "") + state.sort);
    for (const [key, value] of state.values) chosen.set(`where.${key}`, value);
    if (repo) chosen.set("repo", repo);
    const text = chosen.toString();
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }

  // --- Filter and sort -----------------------------------------------------------------------------------------------

  let searchTexts = null;

  function makeSearchTexts() {
    const keys = SEARCHED.filter((key) => columns.has(key));
    return allRows.map((row) => keys.map((key) => read(key, row)).join("\n").toLowerCase());
  }

  const ranks = new Map();

  // The place of each row's text among all texts of a column: numbers are compared faster than texts.
  function rank(key) {
    if (ranks.has(key)) return ranks.get(key);
    const column = columns.get(key);
    const texts = [...new Set(column.texts ?? column.values)];
    const folded = new Map(texts.map((text) => [text, text.toLowerCase()]));
    texts.sort((a, b) => (folded.get(a) < folded.get(b) ? -1 : folded.get(a) > folded.get(b) ? 1 : 0));
    const places = new Map(texts.map((text, place) => [text, text === "" ? -1 : place]));
    const ranked = Int32Array.from(allRows, (row) => places.get(read(key, row)));
    ranks.set(key, ranked);
    return ranked;
  }

  function choose() {
    let rows = allRows;
    if (state.only) rows = rows.filter((row) => read(state.only, row) !== "");
    for (const [key, value] of state.values) {
      rows = rows.filter((row) => read(key, row) === value && !read("error", row));
    }
    const words = state.words.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length) {
      searchTexts ??= makeSearchTexts();
      rows = rows.filter((row) => words.every((word) => searchTexts[row].includes(word)));
    }
    if (state.sort) {
      const ranked = rank(state.sort);
      const direction = state.isDescending ? -1 : 1;
      // Rows without a value come last in both directions.
      rows = [...rows].sort((a, b) => {
        const [first, second] = [ranked[a], ranked[b]];
        if (first < 0 || second < 0) return (first < 0) - (second < 0) || a - b;
        return direction * (first - second) || a - b;
      });
    }
    return rows;
  }

  // --- The rows in view ----------------------------------------------------------------------------------------------

  const scroller = find("scroller");
  const table = find("rows");
  const body = table.tBodies[0];
  let rows = [];
  let active = 0;
  let isPrinting = false;

  function makeSpace(count) {
    const line = document.createElement("tr");
    line.className = "space";
    line.setAttribute("aria-hidden", "true");
    const cell = line.insertCell();
    cell.colSpan = shownColumns.length;
    cell.style.height = `${count * ROW_HEIGHT}px`;
    return line;
  }

  function makeRow(place) {
    const row = rows[place];
    const line = document.createElement("tr");
    line.setAttribute("aria-rowindex", String(place + 2));
    if (read("error", row)) line.className = "bad";
    shownColumns.forEach(([key], number) => {
      const cell = line.insertCell();
      const text = read(key, row);
      cell.setAttribute("role", "gridcell");
      if (number > 0) {
        cell.textContent = text;
        if (text) cell.title = text;
        return;
      }
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.title = text;
      button.dataset.place = String(place);
      button.tabIndex = place === active ? 0 : -1;
      cell.append(button);
    });
    return line;
  }

  function show() {
    const focused = document.activeElement?.dataset?.place;
    const height = scroller.clientHeight || 600;
    const top = Math.floor(scroller.scrollTop / ROW_HEIGHT);
    const first = isPrinting ? 0 : Math.max(0, Math.min(top, rows.length) - MARGIN_ROWS);
    const last = isPrinting ? Math.min(rows.length, MAX_PRINTED)
      : Math.min(rows.length, top + Math.ceil(height / ROW_HEIGHT) + MARGIN_ROWS);
    // The row that Tab leads to is always in the document; where it is out of view, it is the first one in view.
    if (focused === undefined && (active < first || active >= last)) active = Math.min(top, Math.max(rows.length - 1, 0));
    const lines = [];
    for (let place = first; place < last; place += 1) lines.push(makeRow(place));
    if (first > 0) lines.unshift(makeSpace(first));
    if (last < rows.length && !isPrinting) lines.push(makeSpace(rows.length - last));
    body.replaceChildren(...lines);
    if (focused !== undefined) {
      const same = body.querySelector(`button[data-place="${focused}"]`);
      (same ?? scroller).focus({ preventScroll: true });
    }
  }

  function update() {
    rows = choose();
    active = 0;
    scroller.scrollTop = 0;
    table.setAttribute("aria-rowcount", String(rows.length + 1));
    table.setAttribute("aria-colcount", String(shownColumns.length));
    for (const head of table.tHead.rows[0].cells) {
      const isSorted = head.dataset.key === state.sort;
      head.setAttribute("aria-sort", isSorted ? (state.isDescending ? "descending" : "ascending") : "none");
      head.querySelector("span").textContent = isSorted ? (state.isDescending ? " ▼" : " ▲") : "";
    }
    const format = (count) => count.toLocaleString("en");
    find("shown").textContent = `${format(rows.length)} of ${format(data.count)} rows`;
    find("search").value = state.words;
    find("only").value = state.only;
    find("chosen").replaceChildren(...[...state.values].map(([key, value]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `${key}: ${value || "none"} ✕`;
      button.setAttribute("aria-label", `Remove the filter ${key} is ${value || "none"}`);
      button.addEventListener("click", () => {
        state.values.delete(key);
        writeAddress();
        update();
        find("search").focus();
      });
      return button;
    }));
    show();
  }

  function moveTo(place) {
    active = Math.max(0, Math.min(rows.length - 1, place));
    const head = table.tHead.offsetHeight;
    const top = active * ROW_HEIGHT;
    const height = scroller.clientHeight - head - ROW_HEIGHT;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top > scroller.scrollTop + height) scroller.scrollTop = top - height;
    document.activeElement?.blur();
    show();
    body.querySelector(`button[data-place="${active}"]`)?.focus({ preventScroll: true });
  }

  // --- One row -------------------------------------------------------------------------------------------------------

  function showDetails(row) {
    find("details-heading").textContent = read("repo_id", row);
    const items = [];
    for (const key of data.keys) {
      const text = read(key, row);
      if (!text) continue;
      const name = document.createElement("dt");
      const value = document.createElement("dd");
      name.textContent = key;
      value.textContent = text;
      items.push(name, value);
    }
    find("details-values").replaceChildren(...items);
    const steps = (data.evidence[row] ?? []).map(([rule, saw, said]) => {
      const step = document.createElement("li");
      step.textContent = `${rule}: saw ${saw}; concluded ${said}`;
      return step;
    });
    find("details-evidence").hidden = steps.length === 0;
    find("details-evidence").querySelector("ol").replaceChildren(...steps);
    writeAddress(read("repo_id", row));
    find("details").showModal();
  }

  // --- Events --------------------------------------------------------------------------------------------------------

  const heads = table.tHead.insertRow();
  heads.setAttribute("aria-rowindex", "1");
  for (const [key, name] of shownColumns) {
    const head = document.createElement("th");
    const button = document.createElement("button");
    const arrow = document.createElement("span");
    head.scope = "col";
    head.dataset.key = key;
    head.setAttribute("role", "columnheader");
    arrow.setAttribute("aria-hidden", "true");
    button.type = "button";
    button.append(name, arrow);
    button.addEventListener("click", () => {
      // Ascending, descending, then as in the file.
      if (state.sort !== key) [state.sort, state.isDescending] = [key, false];
      else if (!state.isDescending) state.isDescending = true;
      else [state.sort, state.isDescending] = ["", false];
      writeAddress();
      update();
    });
    head.append(button);
    heads.append(head);
  }

  let waiting = 0;
  find("search").addEventListener("input", (event) => {
    state.words = event.target.value;
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const { selectionStart } = event.target;
      writeAddress();
      update();
      event.target.setSelectionRange(selectionStart, selectionStart);
    }, 100);
  });
  find("only").addEventListener("change", (event) => {
    state.only = event.target.value;
    writeAddress();
    update();
  });
  find("clear").addEventListener("click", () => {
    Object.assign(state, { words: "", only: "", sort: "", isDescending: false, values: new Map() });
    writeAddress();
    update();
  });
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  for (const button of document.querySelectorAll(".picture button")) {
    button.addEventListener("click", () => {
      state.values.set(button.dataset.key, button.dataset.value);
      writeAddress();
      update();
      find("table").scrollIntoView();
      find("search").focus({ preventScroll: true });
    });
  }
  let isAwaitingFrame = false;
  scroller.addEventListener("scroll", () => {
    if (isAwaitingFrame) return;
    isAwaitingFrame = true;
    requestAnimationFrame(() => {
      isAwaitingFrame = false;
      show();
    });
  });
  body.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-place]");
    if (button === null) return;
    active = Number(button.dataset.place);
    showDetails(rows[active]);
  });
  body.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(scroller.clientHeight / ROW_HEIGHT) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.target.dataset.place === undefined || !(event.key in steps)) return;
    event.preventDefault();
    moveTo(Number(event.target.dataset.place) + steps[event.key]);
  });
  find("details").addEventListener("close", () => {
    writeAddress();
    body.querySelector(`button[data-place="${active}"]`)?.focus({ preventScroll: true });
  });
  for (const option of find("only").options) option.hidden = option.value !== "" && !columns.has(option.value);
  addEventListener("beforeprint", () => {
    isPrinting = true;
    find("print-note").hidden = rows.length <= MAX_PRINTED;
    find("print-note").textContent = `The first ${MAX_PRINTED} of ${rows.length} rows.`;
    show();
  });
  addEventListener("afterprint", () => {
    isPrinting = false;
    find("print-note").hidden = true;
    show();
  });

  function start() {
    const repo = readAddress();
    update();
    const row = repo === null ? -1 : allRows.find((item) => read("repo_id", item) === repo) ?? -1;
    if (row >= 0 && !find("details").open) showDetails(row);
  }

  addEventListener("hashchange", start);
  addEventListener("resize", show);
  scroller.hidden = false;
  find("filters").hidden = false;
  start();
})();
