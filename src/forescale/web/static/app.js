// The page: asks the API, shows what it says, keeps its state in the address. It calculates nothing.
const $ = id => document.getElementById(id);
const WANTED = ['params', 'tokens', 'flops', 'loss'];
const PLAN = {budget: 'FLOP', params: 'parameters', tokens: 'tokens', ratio: 'tokens per parameter', loss: 'loss of a new run',
  flat: 'sizes within 0.5 % of the best loss', factor: 'times the largest run', warning: 'mind'};
const START = {study: 'stdlib', table: 'runs', upload: '', map: '', role: '', only: '', drop: '', law: 'chinchilla', kind: 'fit', by: 'flops',
  flops: '', chip: 'H100', mfu: '40', price: '', level: '0.9', params: '', tokens: '', odd: '', arm: '', at: '', spend: '', ran: ''};
const state = {...START, ...Object.fromEntries(new URLSearchParams(location.hash.slice(1)))};
let about, seen, fitted, near = {}, shown = 0;

function remember() {
  const kept = Object.entries(state).filter(([k, v]) => v !== START[k]);
  history.replaceState(null, '', '#' + new URLSearchParams(kept));
}
function say(text) { $('status').textContent = text; }
function fail(text) { $('error').textContent = text; say(''); }

async function ask(path, body, how = {}) {
  const sent = body === undefined ? {} : {method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify(body)};
  const answer = await fetch('/api/' + path, {...sent, ...how});
  if (answer.ok) return answer;
  const text = await answer.text();
  let why = text;
  try { why = JSON.parse(text).error || text; } catch { /* not JSON: shown as it came */ }
  throw new Error(why);
}
const call = async (path, body) => (await ask(path, body)).json();

const pairs = text => Object.fromEntries(text.split(',').filter(Boolean).map(p => p.split('=').map(decodeURIComponent)));
const packed = entries => entries.map(p => p.map(encodeURIComponent).join('=')).join(',');
function data() {
  const where = state.upload ? {upload: state.upload} : {study: state.study, table: state.table};
  return {...where, map: pairs(state.map), role: state.role === '*' ? '' : state.role, only: pairs(state.only), drop_bad: state.drop === '1'};
}
const fit_of = () => ({data: data(), law: state.law});

function options(select, entries, value) {
  select.replaceChildren(...entries.map(([v, text]) => new Option(text, v, false, v === value)));
}
function table(element, head, rows, words = []) {
  const row = (cells, tag) => {
    const tr = document.createElement('tr');
    cells.forEach((text, i) => {
      const cell = document.createElement(tag === 'th' || (i === 0 && tag === 'td') ? 'th' : 'td');
      cell.scope = tag === 'th' ? 'col' : 'row';
      if (tag !== 'th' && i) cell.removeAttribute('scope');
      if (words.includes(i)) cell.className = 't';
      cell.textContent = text;
      tr.append(cell);
    });
    return tr;
  };
  element.replaceChildren(...(head ? [row(head, 'th')] : []), ...rows.map(r => row(r, 'td')));
}
function notes(element, texts) {
  element.replaceChildren(...texts.map(t => Object.assign(document.createElement('p'), {className: 'warn', textContent: 'Warning: ' + t})));
}

const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
function themed(figure, element) {
  const beside = element.clientWidth < 600 ? 1 : 3;
  const layout = {...figure.layout, paper_bgcolor: css('--bg'), plot_bgcolor: css('--bg'), font: {color: css('--fg'), size: 13},
    margin: {l: 60, r: 10, t: 10, b: 45 + 20 * Math.ceil((figure.data.length + 1) / beside)}, legend: {orientation: 'h', yref: 'container', y: 0, yanchor: 'bottom', font: {size: 11}}};
  for (const side of ['xaxis', 'yaxis']) layout[side] = {...layout[side], gridcolor: css('--grid'), linecolor: css('--edge'), zerolinecolor: css('--edge')};
  return [figure.data, layout, {responsive: true, displaylogo: false}];
}
const plotly = new Promise((done, wrong) => { // on its way since the head of the page was read
  if (window.Plotly) return done(window.Plotly);
  $('plotly').addEventListener('load', () => done(window.Plotly));
  $('plotly').addEventListener('error', () => wrong(new Error('plotly.js did not load')));
});
async function draw(element, figure) { return (await plotly).react(element, ...themed(figure, element)); }

async function show_data() {
  seen = await call('look', {data: data()});
  $('found').textContent = `${seen.name}: ${seen.rows} rows, ${Object.keys(seen.first).length} columns`;
  const columns = Object.keys(seen.first);
  const chosen = data().map;
  $('map').replaceChildren(...WANTED.map(q => {
    const label = Object.assign(document.createElement('label'), {textContent: q + ' '});
    const select = Object.assign(document.createElement('select'), {id: 'map-' + q});
    const found = seen.candidates[q] || [];
    const own = found.length === 1 ? `${found[0]} (found)` : found.length ? `which? ${found.join(', ')}` : q === 'flops' ? '6 N D' : 'none found';
    options(select, [['', own], ...columns.map(c => [c, `${c}: ${seen.first[c].slice(0, 2).join(', ')} …`])], chosen[q] || '');
    select.onchange = () => { remap(); };
    label.append(select);
    return label;
  }));
  $('columns').open = WANTED.some(q => q !== 'flops' && (seen.candidates[q] || []).length !== 1 && !chosen[q]);
  const roles = seen.groups.role || [];
  if (!state.role || (state.role !== '*' && !roles.includes(state.role))) state.role = roles.includes('fit') ? 'fit' : '*';
  $('roles').hidden = !roles.length;
  options($('role'), [['*', 'all rows'], ...roles.map(r => [r, r])], state.role);
  const arms = Object.keys(seen.groups).filter(g => !['role', 'held_out'].includes(g));
  const each = arms.flatMap(a => seen.groups[a].map(g => [packed([[a, g]]), `${a} = ${g}`]));
  $('onlys').hidden = !each.length;
  options($('only'), [['', 'everything'], ...each], state.only);
  if (!arms.includes(state.arm)) state.arm = arms.includes('arm') ? 'arm' : arms[0] || '';
  options($('arm'), arms.length ? arms.map(a => [a, `${a} (${seen.groups[a].length})`]) : [['', 'no column of names']], state.arm);
  $('run-compare').disabled = !arms.length;
}
function remap() {
  state.map = packed(WANTED.map(q => [q, $('map-' + q).value]).filter(([, c]) => c));
  refit();
}

async function show_fit(drawing) {
  fitted = await call('fit', fit_of());
  const p4 = v => v === null ? '-' : String(Number(v.toPrecision(5)));
  table($('params'), ['parameter', 'value', 'low', 'high', 'meaning'], fitted.params.map(p => [p.name, p4(p.value), p4(p.low), p4(p.high), p.doc]), [4]);
  notes($('warnings'), fitted.warnings);
  $('doc').textContent = `${fitted.doc} (${fitted.source})`;
  options($('by'), ['flops', 'params', 'tokens'].map(v => [v, v]), state.by);
  $('budget').max = fitted.budgets.length - 1;
  const index = fitted.budgets.findIndex(b => String(b) === state.flops);
  if (!state.flops) state.flops = String(fitted.budgets[Math.round(fitted.budgets.length / 2)]);
  $('budget').value = index >= 0 ? index : Math.round(fitted.budgets.length / 2);
  $('flops').value = index >= 0 || fitted.budgets.some(b => String(b) === state.flops) ? '' : state.flops;
  await Promise.all([show_figure(drawing), show_plan()]);
  say('Ready');
}
const ask_figure = () => call('figure', {...fit_of(), kind: state.kind, by: state.by});
async function show_figure(drawing = ask_figure()) {
  $('bys').hidden = state.kind !== 'residuals';
  await draw($('plot'), await drawing);
  shown = $('plot').data.length;
  if (state.kind === 'fit') await (await plotly).addTraces($('plot'), {x: [null], y: [null], mode: 'markers', name: 'plan', marker: {size: 11, symbol: 'diamond', color: '#d55e00'},
    error_y: {type: 'data', array: [0], arrayminus: [0]}});
  if (seen.plan) await mark(seen.plan);
}
async function mark(plan) {
  seen.plan = plan;
  if (state.kind !== 'fit' || $('plot').data?.length !== shown + 1) return;
  const [loss, low, high] = plan.loss;
  await (await plotly).restyle($('plot'), {x: [[plan.flops]], y: [[loss]], 'error_y.array': [[high - loss]], 'error_y.arrayminus': [[loss - low]]}, [shown]);
}

let moving = false, again = false;
async function show_plan() {
  if (moving) { again = true; return; }
  moving = true;
  try {
    do {
      again = false;
      const body = {...fit_of(), flops: state.flops, level: Number(state.level), chip: state.chip, mfu: Number(state.mfu) / 100, price: state.price === '' ? null : Number(state.price)};
      const found = await call('plan', body);
      const rows = Object.entries(PLAN).map(([k, name]) => [name, found.text[k]]);
      table($('plan'), null, [...rows.slice(0, 6), ['cost', found.spent], ...rows.slice(6)], [1]);
      $('budget').setAttribute('aria-valuetext', found.text.budget + ' FLOP');
      near = {params: found.plan.params[0], tokens: found.plan.tokens[0]};
      await mark(found.plan);
    } while (again);
    $('error').textContent = '';
  } catch (wrong) { fail(wrong.message); } finally { moving = false; }
  remember();
}

async function answer(name, body, title, path = name) {
  const button = $('run-' + name), place = $(name);
  button.disabled = true;
  say(title + ' …');
  try {
    const found = await call(path, body);
    const text = Object.assign(document.createElement('pre'), {textContent: found.summary, tabIndex: 0});
    const plot = Object.assign(document.createElement('div'), {className: 'plot'});
    plot.setAttribute('role', 'group');
    plot.setAttribute('aria-label', title + ': the same as the text above');
    place.replaceChildren(text, plot);
    await draw(plot, found.figure);
    $('error').textContent = '';
    say('Ready');
  } catch (wrong) { fail(wrong.message); place.replaceChildren(); }
  button.disabled = false;
}
const number = text => text.trim();
const target = () => ({params: number(state.params) || near.params, tokens: number(state.tokens) || near.tokens});
const RUN = {
  laws: () => answer('laws', {data: data(), flops: state.flops, level: Number(state.level)}, 'Plan by every law', 'plan/laws'),
  forecast: () => answer('forecast', {data: data(), ...target(), level: Number(state.level), keep_odd: state.odd === '1'}, 'Forecast'),
  compare: () => answer('compare', {data: data(), by: state.arm, target: number(state.at) || null}, 'Comparison'),
  design: () => answer('design', {...fit_of(), ...target(), budget: number(state.spend) || state.flops}, 'Next runs'),
};
async function run(name) {
  const ran = new Set(state.ran.split(' ').filter(Boolean)).add(name);
  state.ran = [...ran].join(' ');
  remember();
  await RUN[name]();
}
async function save_report() {
  say('Writing the report …');
  $('run-report').disabled = true;
  try {
    const url = URL.createObjectURL(await (await ask('report', {...fit_of(), flops: state.flops, keep_odd: state.odd === '1'})).blob());
    Object.assign(document.createElement('a'), {href: url, download: 'report.html'}).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
    say('Ready');
  } catch (wrong) { fail(wrong.message); }
  $('run-report').disabled = false;
}

async function refit() {
  $('error').textContent = '';
  remember();
  say('Fitting …');
  try {
    await show_data();
    const drawing = ask_figure(); // beside the fit, which is made once
    drawing.catch(() => {}); // the fit says the same
    await show_fit(drawing);
  } catch (wrong) {
    fail(wrong.message);
    (await plotly).purge($('plot'));
    for (const id of ['params', 'plan', 'warnings', 'doc']) $(id).replaceChildren();
  }
  remember();
}
function other_data(changed) {
  Object.assign(state, {upload: '', map: '', role: '', only: '', flops: '', ran: ''}, changed);
  for (const name of Object.keys(RUN)) $(name).replaceChildren();
  const study = about.studies.find(s => s.name === state.study);
  $('tables').hidden = Boolean(state.upload) || study.tables.length < 2;
  options($('table'), study.tables.map(t => [t, t]), state.table);
  $('study').value = state.upload ? '' : state.study;
  return refit();
}
async function upload(file) {
  if (!file) return;
  if (file.size > about.largest) return fail(`${file.name} is larger than the ${about.largest / 2 ** 20} MiB that are read`);
  say(`Reading ${file.name} …`);
  try {
    const sent = await ask('tables/' + encodeURIComponent(file.name), undefined, {method: 'PUT', body: file, headers: {'content-type': 'application/octet-stream'}});
    await other_data({upload: (await sent.json()).upload});
  } catch (wrong) { fail(wrong.message); }
}

function listen() {
  const set = (id, key, then) => $(id).addEventListener('change', e => { state[key] = e.target.value; then(); });
  $('file').addEventListener('change', e => upload(e.target.files[0]));
  for (const kind of ['dragenter', 'dragover']) addEventListener(kind, e => { e.preventDefault(); $('drop').classList.add('over'); });
  for (const kind of ['dragleave', 'drop']) addEventListener(kind, e => { e.preventDefault(); $('drop').classList.remove('over'); });
  addEventListener('drop', e => upload(e.dataTransfer.files[0]));
  $('setup').addEventListener('submit', e => e.preventDefault());
  $('study').addEventListener('change', e => e.target.value && other_data({study: e.target.value, table: 'runs'}));
  $('table').addEventListener('change', e => other_data({table: e.target.value}));
  $('drop_bad').addEventListener('change', e => { state.drop = e.target.checked ? '1' : ''; refit(); });
  set('role', 'role', refit); set('only', 'only', refit); set('law', 'law', refit);
  set('kind', 'kind', () => { remember(); show_figure().catch(e => fail(e.message)); });
  set('by', 'by', () => { remember(); show_figure().catch(e => fail(e.message)); });
  $('budget').addEventListener('input', e => { state.flops = String(fitted.budgets[e.target.value]); $('flops').value = ''; show_plan(); });
  set('flops', 'flops', show_plan);
  for (const id of ['chip', 'mfu', 'price', 'level']) set(id, id, show_plan);
  set('target_params', 'params', remember); set('target_tokens', 'tokens', remember);
  $('keep_odd').addEventListener('change', e => { state.odd = e.target.checked ? '1' : ''; remember(); });
  set('arm', 'arm', remember); set('at', 'at', remember); set('spend', 'spend', remember);
  for (const name of Object.keys(RUN)) $('run-' + name).addEventListener('click', () => run(name));
  $('run-report').addEventListener('click', save_report);
  $('copy').addEventListener('click', async () => { await navigator.clipboard.writeText(fitted.cite); say('Copied'); });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => show_figure());
}

async function begin() {
  say('Opening …');
  about = await call('about');
  if (!state.upload && !about.studies.some(s => s.name === state.study)) throw new Error(`study ${state.study} is not at hand here`);
  options($('study'), [['', 'none'], ...about.studies.map(s => [s.name, s.name])], state.upload ? '' : state.study);
  options($('law'), about.laws.map(l => [l.name, l.name]), state.law);
  options($('chip'), about.accelerators.map(a => [a, a]), state.chip);
  for (const id of ['mfu', 'price', 'level', 'at', 'spend', 'kind']) $(id).value = state[id];
  $('target_params').value = state.params; $('target_tokens').value = state.tokens; $('drop_bad').checked = state.drop === '1'; $('keep_odd').checked = state.odd === '1';
  const study = about.studies.find(s => s.name === state.study) || about.studies[0];
  $('tables').hidden = Boolean(state.upload) || study.tables.length < 2;
  options($('table'), study.tables.map(t => [t, t]), state.table);
  listen();
  const ran = state.ran;
  await refit();
  for (const name of ran.split(' ').filter(n => n in RUN)) await RUN[name]();
}
begin().catch(wrong => fail(wrong.message));
