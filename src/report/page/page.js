/**
 * What the report does in a browser: draws its charts, zooms the timeline, sorts its tables, switches between light and
 * dark. Everything it draws stands in a table as well. Colours are CSS variables, so that themes need no redrawing.
 */
(() => {
  'use strict';
  const { Plot, d3 } = window;
  const data = JSON.parse(document.getElementById('tocsin-data').textContent);
  const rules = new Map(data.rules.map((rule) => [rule.id, rule]));

  const CAUGHT = 'var(--caught)';
  const MISSED = 'var(--missed)';
  const FALSE = 'var(--false)';
  const MINUTE = 60_000;
  const MARGIN = { left: 44, right: 16 };
  const WIDEST = 1160;
  /** What an A4 page has between its margins. */
  const PAPER = 680;

  // Theme: the system's, until the button is pressed.
  const root = document.documentElement;
  const button = document.getElementById('theme');
  const systemDark = matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : systemDark.matches);
  const nameTheme = () => {
    button.textContent = isDark() ? 'Light' : 'Dark';
    button.setAttribute('aria-label', `Show in ${isDark() ? 'light' : 'dark'} colours`);
  };
  button.hidden = false;
  button.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    nameTheme();
  });
  systemDark.addEventListener('change', nameTheme);
  nameTheme();

  // Tables: a heading is a button that sorts, ascending first, descending when pressed again.
  for (const table of document.querySelectorAll('table.sortable')) {
    const body = table.tBodies[0];
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, index) => {
      const press = document.createElement('button');
      press.type = 'button';
      press.textContent = heading.textContent;
      heading.replaceChildren(press);
      heading.setAttribute('aria-sort', 'none');
      press.addEventListener('click', () => {
        const direction = heading.getAttribute('aria-sort') === 'ascending' ? 'descending' : 'ascending';
        for (const other of headings) other.setAttribute('aria-sort', other === heading ? direction : 'none');
        const sign = direction === 'ascending' ? 1 : -1;
        const sorted = [...body.rows].sort((a, b) => sign * compareCells(a.cells[index], b.cells[index]));
        body.append(...sorted);
      });
    });
  }

  function compareCells(a, b) {
    const [x, y] = [a.dataset.by, b.dataset.by];
    if (x !== undefined && y !== undefined) return Number(x) - Number(y);
    return a.textContent.localeCompare(b.textContent, 'en', { numeric: true });
  }

  // Charts.
  const charts = [...document.querySelectorAll('[data-chart]')].flatMap((element) => {
    element.hidden = false;
    const rule = rules.get(element.dataset.rule);
    const made = { timeline, sweep }[element.dataset.chart](element, rule);
    return made ? [made] : [];
  });
  let drawnAt = 0;
  let onPaper = false;
  const drawAll = () => {
    const width = onPaper ? PAPER : root.clientWidth;
    if (width === drawnAt) return;
    drawnAt = width;
    for (const draw of charts) draw();
  };
  drawAll();
  addEventListener('resize', () => requestAnimationFrame(drawAll));

  function widthOf(element) {
    return onPaper ? PAPER : Math.max(280, Math.min(WIDEST, element.clientWidth));
  }

  /** A drawing is one picture to a screen reader; its description says where the figures are. */
  function picture(options) {
    const svg = Plot.plot({ style: { background: 'none', fontSize: '12px' }, ...options });
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', options.ariaLabel);
    for (const part of svg.querySelectorAll('[aria-label], [aria-description]')) {
      part.removeAttribute('aria-label');
      part.removeAttribute('aria-description');
    }
    return svg;
  }

  function utc(at) {
    return new Date(at).toISOString().slice(0, 16).replace('T', ' ');
  }

  /** A day at its midnight, else a time of day. */
  function clock(at) {
    if (at.getTime() % (24 * 60 * MINUTE) === 0) return d3.utcFormat('%-d %b')(at);
    return d3.utcFormat(at.getTime() % MINUTE === 0 ? '%H:%M' : '%H:%M:%S')(at);
  }

  function integer(value) {
    return Number.isInteger(value) ? d3.format('~s')(value) : '';
  }

  function timeline(element, rule) {
    const chart = element.querySelector('.chart');
    const range = element.querySelector('output');
    const whole = [rule.from, rule.to];
    let shown = whole;
    const attacks = rule.attacks.map((attack) => ({
      ...attack,
      label: `${attack.id}\n${attack.title}\n${utc(attack.at)}\n${
        attack.caughtAt === undefined ? 'missed' : `detected after ${attack.delay}`
      }`,
    }));
    const caught = attacks.filter((attack) => attack.caughtAt !== undefined);
    const missed = attacks.filter((attack) => attack.caughtAt === undefined);
    const lanes = [...d3.group(attacks, (attack) => attack.chain)].sort(
      (a, b) => countMissed(b[1]) - countMissed(a[1]) || (a[0] < b[0] ? -1 : 1),
    );
    const chains = lanes.map(([chain]) => chain);
    const alerts = rule.runs.flatMap(([at, hits, falses]) => [
      ...(hits > 0 ? [{ at, n: hits, hit: true }] : []),
      ...(falses > 0 ? [{ at, n: falses, hit: false }] : []),
    ]);

    function countMissed(list) {
      return list.filter((attack) => attack.caughtAt === undefined).length;
    }

    function draw() {
      const width = widthOf(chart);
      const x = { type: 'utc', domain: shown.map((at) => new Date(at)), label: null };
      const frame = { width, marginLeft: MARGIN.left, marginRight: MARGIN.right };
      const inside = (list) => list.filter(({ at, caughtAt = at }) => caughtAt >= shown[0] && at <= shown[1]);
      const visible = inside(attacks);
      const top = picture({
        ...frame,
        ariaLabel: `${attacks.length} attacks by chain and time, ${missed.length} of them missed`,
        height: 34 * chains.length + 12,
        marginTop: 6,
        marginBottom: 6,
        x: { ...x, axis: null },
        y: { domain: chains, axis: null, type: 'band', padding: 0 },
        marks: [
          Plot.gridX({ ticks: Math.round(width / 110), stroke: 'var(--line)', strokeOpacity: 1 }),
          Plot.text(chains, {
            y: (chain) => chain,
            text: (chain) => chain,
            frameAnchor: 'left',
            dx: 4,
            dy: -8,
            fill: 'var(--soft)',
            stroke: 'var(--ground)',
            strokeWidth: 4,
          }),
          Plot.link(inside(caught), {
            x1: 'at',
            x2: 'caughtAt',
            y1: 'chain',
            y2: 'chain',
            stroke: CAUGHT,
            strokeWidth: 2,
            dy: 7,
            clip: true,
          }),
          Plot.dot(inside(caught), {
            x: 'at',
            y: 'chain',
            r: 4.5,
            fill: CAUGHT,
            stroke: 'var(--ground)',
            dy: 7,
            clip: true,
          }),
          Plot.dot(inside(missed), {
            x: 'at',
            y: 'chain',
            r: 5,
            symbol: 'times',
            stroke: MISSED,
            strokeWidth: 2.5,
            dy: 7,
            clip: true,
          }),
          Plot.tip(
            visible,
            Plot.pointer({ x: 'at', y: 'chain', title: 'label', dy: 7, fill: 'var(--raised)', stroke: 'var(--soft)' }),
          ),
        ],
      });
      const bottom = picture({
        ...frame,
        ariaLabel: 'Alerts over time, those with an attack in them and false alarms',
        height: 140,
        marginTop: 20,
        marginBottom: 24,
        x: { ...x, tickFormat: clock, ticks: Math.round(width / 110) },
        y: { label: 'alerts', labelAnchor: 'top', ticks: 4, tickSize: 0, tickFormat: integer, nice: true },
        marks: [
          Plot.gridX({ ticks: Math.round(width / 110), stroke: 'var(--line)', strokeOpacity: 1 }),
          Plot.rectY(
            alerts.filter(({ at }) => at >= shown[0] && at <= shown[1]),
            Plot.binX(
              { y: 'sum' },
              {
                x: { value: (alert) => new Date(alert.at), domain: x.domain, thresholds: Math.round(width / 10) },
                y: 'n',
                fill: (alert) => (alert.hit ? CAUGHT : FALSE),
                order: (alert) => (alert.hit ? 0 : 1),
                insetLeft: 0.5,
                insetRight: 0.5,
                clip: true,
              },
            ),
          ),
          Plot.ruleY([0], { stroke: 'var(--soft)' }),
        ],
      });
      chart.replaceChildren(top, bottom);
      for (const svg of [top, bottom]) addBrush(svg, width);
      const all = shown === whole;
      range.textContent = `${utc(shown[0])} to ${utc(shown[1])}`;
      for (const tool of element.querySelectorAll('[data-zoom]')) {
        const { zoom } = tool.dataset;
        tool.disabled =
          (all && (zoom === 'out' || zoom === 'all')) ||
          (zoom === 'earlier' && shown[0] <= whole[0]) ||
          (zoom === 'later' && shown[1] >= whole[1]) ||
          (zoom === 'in' && shown[1] - shown[0] <= 2 * MINUTE);
      }
    }

    function addBrush(svg, width) {
      const height = svg.height.baseVal.value;
      const [left, right] = [MARGIN.left, width - MARGIN.right];
      const time = d3.scaleLinear([left, right], shown);
      const brush = d3
        .brushX()
        .extent([
          [left, 0],
          [right, height],
        ])
        .on('end', ({ selection }) => {
          if (selection) show(...selection.map((at) => time(at)));
        });
      const layer = d3.select(svg).append('g').attr('class', 'brush').call(brush);
      // A finger that moves up or down scrolls the page.
      layer.selectAll('*').style('touch-action', 'pan-y');
      layer.on('dblclick', () => show(...whole));
    }

    function show(from, to) {
      const span = Math.min(Math.max(to - from, MINUTE), whole[1] - whole[0]);
      const start = Math.min(Math.max(from, whole[0]), whole[1] - span);
      shown = span === whole[1] - whole[0] ? whole : [start, start + span];
      draw();
    }

    const moves = {
      in: (from, span) => show(from + span / 4, from + (span * 3) / 4),
      out: (from, span) => show(from - span / 2, from + (span * 3) / 2),
      earlier: (from, span) => show(from - span / 2, from + span / 2),
      later: (from, span) => show(from + span / 2, from + (span * 3) / 2),
      all: () => show(...whole),
    };
    const move = (name) => moves[name](shown[0], shown[1] - shown[0]);
    const keys = { '+': 'in', '=': 'in', '-': 'out', ArrowLeft: 'earlier', ArrowRight: 'later', Home: 'all' };
    element.addEventListener('click', ({ target }) => {
      const { zoom } = target.dataset ?? {};
      if (zoom !== undefined) move(zoom);
    });
    chart.addEventListener('keydown', (event) => {
      const name = keys[event.key];
      if (name === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      move(name);
    });
    return draw;
  }

  function sweep(element) {
    const { sweep: points } = data;
    element.previousElementSibling.hidden = false;
    const frontier = points.filter((point) => point.frontier).sort((a, b) => a.noise - b.noise || a.recall - b.recall);
    const label = ({ label: settings, recall: share, noise: alarms }) =>
      `${settings}\nrecall ${Math.round(share * 100)} %\nfalse alarms a day ${d3.format('.3~r')(alarms)}`;
    return () => {
      element.replaceChildren(
        picture({
          ariaLabel: 'Recall against false alarms a day, by settings',
          width: widthOf(element),
          height: 320,
          marginLeft: 52,
          marginRight: 24,
          marginTop: 24,
          marginBottom: 40,
          x: { label: 'false alarms a day', nice: true },
          y: {
            label: 'attack recall',
            domain: [0, 1],
            tickFormat: (share) => `${Math.round(share * 100)} %`,
            ticks: 5,
          },
          marks: [
            Plot.gridX({ stroke: 'var(--line)', strokeOpacity: 1 }),
            Plot.gridY({ stroke: 'var(--line)', strokeOpacity: 1, ticks: 5 }),
            Plot.dot(points, {
              x: 'noise',
              y: 'recall',
              r: 5,
              fill: (point) => (point.frontier ? CAUGHT : FALSE),
              stroke: 'var(--ground)',
            }),
            Plot.dot(frontier, { x: 'noise', y: 'recall', r: 8, stroke: CAUGHT }),
            Plot.dot(
              points.filter((point) => point.asIs),
              { x: 'noise', y: 'recall', symbol: 'times', r: 7, stroke: MISSED, strokeWidth: 2.5 },
            ),
            Plot.tip(
              points,
              Plot.pointer({ x: 'noise', y: 'recall', title: label, fill: 'var(--raised)', stroke: 'var(--soft)' }),
            ),
          ],
        }),
      );
    };
  }

  // On paper everything is open, and drawn as wide as the paper.
  let opened = [];
  addEventListener('beforeprint', () => {
    opened = [...document.querySelectorAll('details:not([open])')];
    for (const details of opened) details.open = true;
    onPaper = true;
    drawAll();
  });
  addEventListener('afterprint', () => {
    for (const details of opened) details.open = false;
    onPaper = false;
    drawAll();
  });
})();
