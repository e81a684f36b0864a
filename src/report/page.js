'use strict';
// Draws the plots of a report. Everything they show stands in tables as well; without this the page loses its pictures alone.
(() => {
  const holder = document.getElementById('plots');
  if (!holder || typeof uPlot === 'undefined') return;
  const data = JSON.parse(holder.textContent);
  const root = document.documentElement;
  let drawn = [];

  const colour = name => getComputedStyle(root).getPropertyValue('--' + name).trim();
  const short = value => {
    if (value === null || value === undefined) return '–';
    const size = Math.abs(value);
    for (const [unit, scale] of [['G', 1e9], ['M', 1e6], ['k', 1e3]]) {
      if (size >= scale) return +(value / scale).toFixed(size / scale < 10 ? 2 : 1) + unit;
    }
    return String(size >= 10 || size === 0 ? +value.toFixed(1) : +value.toPrecision(3));
  };
  const axis = (label, extra) => Object.assign({
    label, labelSize: 22, size: 54, labelFont: '12px sans-serif', font: '12px sans-serif', stroke: colour('soft'),
    grid: {stroke: colour('line'), width: 1}, ticks: {stroke: colour('line'), width: 1}, values: (u, ticks) => ticks.map(short)
  }, extra);
  const line = (label, name, extra) => Object.assign({
    label, stroke: colour(name), width: 2, spanGaps: false, points: {show: true, size: 4}, value: (u, value) => short(value)
  }, extra);
  const seconds = {label: 'seconds', value: (u, value) => value === null ? '–' : value.toFixed(1) + ' s'};
  const has = series => series.some(value => value !== null && value > 0);
  const timed = (wanted, yAxes, scales) => {
    const kept = wanted.filter(([values]) => has(values));
    return {
      data: [data.time.t, ...kept.map(([values]) => values)],
      options: {
        scales: Object.assign({x: {time: false}}, scales),
        series: [seconds, ...kept.map(([, series]) => series)],
        axes: [axis('seconds at work', {size: 40, labelSize: 18}), ...yAxes]
      }
    };
  };
  const upwards = {range: (u, low, high) => [0, high > 0 ? high * 1.08 : 1]};

  const kinds = {
    throughput: () => timed([
      [data.time.records, line('records/s', 'source', {fill: colour('source') + '22'})],
      [data.time.checked, line('compared/s', 'third')],
      [data.time.bytes, line('bytes/s', 'target', {scale: 'bytes', dash: [5, 4]})]
    ], has(data.time.bytes) ? [axis('records a second'), axis('bytes a second', {scale: 'bytes', side: 1, grid: {show: false}})] : [axis('records a second')],
    {y: upwards, bytes: upwards}),
    latency: () => timed([
      [data.time.read, line('read, mean', 'source')],
      [data.time.slowest_read, line('read, slowest', 'source', {dash: [3, 4], width: 1})],
      [data.time.write, line('write, mean', 'target')],
      [data.time.slowest_write, line('write, slowest', 'target', {dash: [3, 4], width: 1})]
    ], [axis('milliseconds')], {y: upwards}),
    flow: () => timed([
      [data.time.in_flight, line('writes in flight', 'source', {paths: uPlot.paths.stepped({align: 1})})],
      [data.time.retries, line('tried again', 'target', {paths: uPlot.paths.bars({size: [0.6, 12]}), points: {show: false}, fill: colour('target') + '66'})]
    ], [axis('count')], {y: upwards}),
    norms: index => {
      const norms = data.norms[index];
      const bars = (label, name, align) => ({
        label, stroke: colour(name), fill: colour(name) + 'aa', width: 1, points: {show: false}, value: (u, value) => short(value),
        paths: uPlot.paths.bars({size: [0.42, 100], align})
      });
      return {
        data: [norms.x, norms.source, norms.target],
        options: {
          scales: {x: {time: false, range: () => [norms.x[0] - norms.width, norms.x[norms.x.length - 1] + norms.width]}, y: upwards},
          series: [{label: 'norm', value: (u, value) => value === null ? '–' : value.toPrecision(6)}, bars('source', 'source', -1), bars('target', 'target', 1)],
          axes: [axis('norm', {size: 40, labelSize: 18, space: 70, values: (u, ticks) => ticks.map(tick => String(+tick.toPrecision(6)))}), axis('vectors')]
        }
      };
    },
    plane: index => {
      const places = [];
      for (const [id, sx, sy, tx, ty] of data.plane[index]) {
        places.push({x: sx, source: sy, target: null, id});
        if (tx !== undefined) places.push({x: tx, source: null, target: ty, id});
      }
      places.sort((a, b) => a.x - b.x);
      const dots = (label, name, points) => ({label, stroke: colour(name), paths: () => null, points: Object.assign({show: true, stroke: colour(name)}, points), value: (u, value) => short(value)});
      const wide = (u, low, high) => {
        const room = (high - low) * 0.06 || 1;
        return [low - room, high + room];
      };
      return {
        data: [places.map(p => p.x), places.map(p => p.source), places.map(p => p.target)],
        near: places.map(p => ({x: p.x, y: p.source === null ? p.target : p.source, text: p.id + (p.source === null ? ', target' : ', source')})),
        options: {
          scales: {x: {time: false, range: wide}, y: {range: wide}},
          series: [{label: 'first axis', value: (u, value) => short(value)}, dots('source', 'source', {size: 9, width: 1.5, fill: 'transparent'}), dots('target', 'target', {size: 4, width: 1, fill: colour('target')})],
          axes: [axis('first axis', {size: 40, labelSize: 18}), axis('second axis')]
        }
      };
    }
  };

  const tellNearest = (plot, places, output) => {
    plot.over.addEventListener('mousemove', event => {
      const box = plot.over.getBoundingClientRect();
      let best = 14, text = '';
      for (const place of places) {
        const away = Math.hypot(plot.valToPos(place.x, 'x') - (event.clientX - box.left), plot.valToPos(place.y, 'y') - (event.clientY - box.top));
        if (away < best) [best, text] = [away, place.text];
      }
      output.textContent = text;
    });
  };

  const draw = () => {
    for (const plot of drawn) plot.destroy();
    drawn = [];
    for (const place of document.querySelectorAll('[data-plot]')) {
      const kind = kinds[place.dataset.plot];
      if (!kind) continue;
      place.textContent = '';
      const made = kind(Number(place.dataset.index));
      const plot = new uPlot(Object.assign({
        width: Math.max(260, place.clientWidth), height: place.dataset.plot === 'plane' ? 360 : 260, cursor: {drag: {x: true, y: place.dataset.plot === 'plane'}}, legend: {live: true}
      }, made.options), made.data, place);
      if (made.near) {
        const output = document.createElement('output');
        output.className = 'near';
        place.append(output);
        tellNearest(plot, made.near, output);
      }
      drawn.push(plot);
    }
    root.dataset.plots = String(drawn.length);
  };

  let waiting = 0;
  const later = () => {
    clearTimeout(waiting);
    waiting = setTimeout(draw, 120);
  };
  draw();
  addEventListener('resize', later);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', later);
  addEventListener('beforeprint', () => {
    root.classList.add('print');
    draw();
  });
  addEventListener('afterprint', () => {
    root.classList.remove('print');
    draw();
  });
})();
