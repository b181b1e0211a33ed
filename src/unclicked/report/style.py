"""The page's look: system fonts, one accent, light and dark, wide and narrow."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --card: #f6f7f9; --edge: #dfe3e8; --ink: #1d232b; --soft: #5a6572;
  --line: #c4cad2; --accent: #0b63c4; --tint: #e8f1fc; --good: #0b63c4; --bad: #b4460a;
  --popularity: #b3bac3; --base: #66707d; --unclicked: #0b63c4; --shuffled: #d9790f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161c; --card: #1a2028; --edge: #2c343f; --ink: #e4e8ed; --soft: #9aa5b2;
    --line: #47515e; --accent: #6db3ff; --tint: #17293f; --good: #6db3ff; --bad: #f0a35e;
    --popularity: #59636f; --base: #a4aebb; --unclicked: #5aa7f5; --shuffled: #eba055;
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
.number { text-align: right; font-variant-numeric: tabular-nums; }
tr.focus > * { font-weight: 650; }
tr.group > * { border-top: 2px solid var(--edge); }
.quiet { color: var(--soft); font-weight: 400; }
.in { color: var(--accent); font-weight: 600; }
.out { color: var(--soft); text-decoration: line-through; }
.tag { display: inline-block; border: 1px solid var(--edge); border-radius: 4px; padding: 0 0.35em;
  margin-left: 0.25rem; color: var(--soft); font-size: 0.75rem; line-height: 1.5; }
.tag.hit { border-color: var(--accent); color: var(--accent); }
#lists td:first-child { width: 4rem; }
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
  body { padding-top: 1.5rem; padding-left: 1rem; padding-right: 1rem; }
  h1 { font-size: 1.45rem; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 0.6rem; }
  th, td { padding: 0.4rem 0.6rem; }
  #lists td { white-space: normal; vertical-align: top; }
}
@media print { body { max-width: none; } figure, tr { break-inside: avoid; } }
"""
