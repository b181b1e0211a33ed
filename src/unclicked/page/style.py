"""The page's look: system fonts, one accent, light and dark, wide and narrow."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --card: #f6f7f9; --edge: #dfe3e8; --ink: #1d232b; --soft: #5a6572;
  --line: #c4cad2; --accent: #0b63c4; --tint: #e8f1fc; --good: #0b63c4; --bad: #b4460a;
  --popularity: #858e9a; --base: #5b6572; --unclicked: #0b63c4; --shuffled: #c96a06;
  --further: #7a4cc2; --another: #12805c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161c; --card: #1a2028; --edge: #2c343f; --ink: #e4e8ed; --soft: #9aa5b2;
    --line: #47515e; --accent: #6db3ff; --tint: #17293f; --good: #6db3ff; --bad: #f0a35e;
    --popularity: #66717e; --base: #a4aebb; --unclicked: #5aa7f5; --shuffled: #eba055;
    --further: #b295f0; --another: #4fc79b;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 62rem; background: var(--page);
  color: var(--ink); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  overflow-wrap: break-word;
}
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 1.25rem; letter-spacing: -0.01em; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 3rem 0 0.75rem; }
h3 { font-size: 1rem; margin: 1.75rem 0 0.5rem; }
p { margin: 0.5rem 0; max-width: 46rem; text-wrap: pretty; }
.kicker { color: var(--soft); font-size: 0.85rem; margin: 0 0 0.25rem; }
.summary {
  background: var(--tint); border-left: 4px solid var(--accent); border-radius: 0 8px 8px 0;
  padding: 1rem 1.25rem; margin: 0 0 1.5rem;
}
.summary p { margin: 0; max-width: none; }
.summary p + p { margin-top: 0.5rem; color: var(--soft); font-size: 0.925rem; }
.verdict { color: var(--good); font-weight: 650; }
.summary.harms { border-color: var(--bad); } .summary.harms .verdict { color: var(--bad); }
.summary.unclear { border-color: var(--soft); } .summary.unclear .verdict { color: var(--soft); }
.note, figcaption { color: var(--soft); font-size: 0.875rem; }
.scroll { overflow-x: auto; margin: 0.75rem 0; border: 1px solid var(--edge); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th, td { padding: 0.45rem 0.8rem; text-align: left; white-space: nowrap; }
th { font-weight: 600; color: var(--soft); font-size: 0.8rem; background: var(--card); }
tbody th { background: var(--page); color: inherit; font-size: inherit; font-weight: 500;
  position: sticky; left: 0; }
tr + tr > *, tbody tr > * { border-top: 1px solid var(--edge); }
caption { text-align: left; padding: 0.6rem 0.8rem; font-size: 0.85rem; color: var(--soft);
  caption-side: top; }
caption span { position: sticky; left: 0.8rem; display: inline-block;
  max-width: min(46rem, calc(100vw - 4rem)); }
details .scroll { margin-bottom: 0; }
.wide { width: 40%; min-width: 5.5rem; }
.bar { display: block; height: 0.8rem; min-width: 1px; border-radius: 2px;
  background: var(--base); }
.bar.kept { background: var(--accent); } .bar.clicked { background: var(--another); }
.bar.removed { background: repeating-linear-gradient(135deg, var(--bad) 0 3px,
  transparent 3px 6px); outline: 1px solid var(--bad); outline-offset: -1px; }
.signal { border: 1px solid var(--edge); border-radius: 8px; padding: 0.9rem 1.25rem;
  margin: 0 0 1.25rem; background: var(--card); }
.signal p { margin: 0.15rem 0; }
.signal .big { font-size: 1.75rem; font-weight: 650; line-height: 1.2;
  font-variant-numeric: tabular-nums; }
.parts { display: flex; height: 0.9rem; border-radius: 2px; overflow: hidden; gap: 1px; }
.parts .better { background: var(--accent); }
.parts .equal { background: var(--edge); }
.parts .worse { background: repeating-linear-gradient(135deg, var(--bad) 0 3px,
  var(--page) 3px 6px); }
.story { border: 1px solid var(--edge); border-radius: 8px; padding: 0.25rem 1.25rem 1rem;
  margin: 1rem 0; border-left: 4px solid var(--line); }
.story.helped { border-left-color: var(--accent); }
.story.harmed { border-left-color: var(--bad); }
.story h3 { margin-top: 0.75rem; }
h4 { font-size: 0.85rem; font-weight: 600; color: var(--soft); margin: 0.9rem 0 0.25rem; }
td.found { background: var(--tint); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
tr.focus > th { box-shadow: inset 3px 0 var(--accent); }
tr.group > * { border-top: 2px solid var(--edge); }
.quiet { color: var(--soft); font-weight: 400; }
.tag { display: inline-block; border: 1px solid var(--edge); border-radius: 4px; padding: 0 0.35em;
  margin-left: 0.25rem; color: var(--soft); font-size: 0.75rem; line-height: 1.5; }
.tag.hit { border-color: var(--accent); color: var(--accent); }
.lists { table-layout: fixed; }
.lists th:first-child { width: 4rem; }
#fields, #means { width: auto; min-width: min(100%, 26rem); }
.swatch {
  display: inline-block; width: 0.7em; height: 0.7em; border-radius: 2px; margin-right: 0.5em;
}
.pictures {
  display: grid; gap: 1.25rem; margin: 1rem 0;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr));
}
figure { margin: 0; }
figure svg { display: block; width: 100%; height: auto; max-width: 34rem; overflow: visible; }
figure svg * { stroke-linejoin: round; }
figcaption { margin-top: 0.5rem; max-width: 46rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.35rem 1.25rem; margin: 0.75rem 0;
  font-size: 0.925rem; }
dt { color: var(--soft); } dd { margin: 0; min-width: 0; }
ul.chips { list-style: none; display: flex; flex-wrap: wrap; gap: 0.4rem; padding: 0;
  margin: 0.5rem 0; }
.chips li { background: var(--card); border: 1px solid var(--edge); border-radius: 999px;
  padding: 0.1rem 0.7rem; font-size: 0.875rem; }
.warning { border-left: 4px solid var(--bad); padding: 0.1rem 0 0.1rem 1rem; font-size: 0.925rem; }
pre { background: var(--card); border: 1px solid var(--edge); border-radius: 8px; margin: 0.75rem 0;
  padding: 0.8rem 1rem; overflow-x: auto; font: 0.825rem/1.6 ui-monospace, Menlo, Consolas,
  monospace; }
summary { cursor: pointer; color: var(--accent); font-size: 0.9rem; }
@media (max-width: 36rem) {
  .story { padding: 0.25rem 0.8rem 0.8rem; }
  body { padding-top: 1.5rem; padding-left: 1rem; padding-right: 1rem; }
  h1 { font-size: 1.45rem; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 0.6rem; }
  th, td { padding: 0.4rem 0.6rem; }
  tbody th { white-space: normal; min-width: 6.5rem; }
  .lists th:first-child { width: 3rem; min-width: 0; padding-left: 0.3rem; }
  .lists .tag { margin-left: 0; }
  #runs tbody th { white-space: nowrap; }
  #runs td .quiet, #spread td .quiet { display: block; }
  .wide { min-width: 4.5rem; }
  .lists td { white-space: normal; vertical-align: top; }
}
@media print { body { max-width: none; } figure, tr { break-inside: avoid; } }
"""
