#pragma once
// the look of report.html: one sheet, light and dark, no outside resources

namespace compare {

/// Ten series colours, lightened for dark pages; as text on a card each keeps a contrast of at least 4.5 : 1.
inline constexpr const char* style_sheet = R"css(
:root { color-scheme: light dark; --page: #f6f6f3; --card: #ffffff; --ink: #1c1e21; --soft: #5c6168;
  --rule: #e4e4df; --line: #9a9ea4; --accent: #ad5600;
  --c0: #2f6fb2; --c1: #b85c00; --c2: #1f7a48; --c3: #c43d3d; --c4: #7a5bb5; --c5: #8a5a44; --c6: #b0418c;
  --c7: #5f6670; --c8: #77720f; --c9: #0e7c8d; }
@media (prefers-color-scheme: dark) { :root { --page: #14161a; --card: #1c1f25; --ink: #e8e9eb; --soft: #a2a8b1;
  --rule: #2c3038; --line: #6b727c; --accent: #f2a04c;
  --c0: #6fb0f0; --c1: #f2a04c; --c2: #63c88d; --c3: #f07c7c; --c4: #b49af0; --c5: #cfa38c; --c6: #ef93cc;
  --c7: #b3bac4; --c8: #d3cd55; --c9: #5fd0e0; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Inter, "DejaVu Sans", sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 40px 24px 56px; }
header p { margin: 0; color: var(--soft); }
header .brand { font-weight: 600; color: var(--accent); letter-spacing: .02em; }
h1 { font-size: 30px; line-height: 1.2; margin: 4px 0 8px; letter-spacing: -.015em; }
h2 { font-size: 16px; margin: 0; letter-spacing: -.005em; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); gap: 14px; margin: 26px 0 14px;
  padding: 0; list-style: none; }
.tiles li, figure, section { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; }
.tiles li { padding: 14px 18px; }
.tiles span { display: block; color: var(--soft); font-size: 13px; }
.tiles b { display: block; font-size: 20px; font-weight: 650; letter-spacing: -.01em; overflow-wrap: anywhere; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(450px, 100%), 1fr)); gap: 14px;
  align-items: start; }
figure { margin: 0; padding: 18px 18px 10px; }
figcaption p, section p { margin: 2px 0 10px; color: var(--soft); font-size: 13px; }
section { margin-top: 14px; padding: 18px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 13.5px;
  white-space: nowrap; }
th { text-align: right; font-weight: 500; color: var(--soft); padding: 6px 10px;
  border-bottom: 1px solid var(--line); vertical-align: bottom; }
td { text-align: right; padding: 7px 10px; border-bottom: 1px solid var(--rule); }
tr:last-child td { border-bottom: 0; }
th:first-child, td:first-child { text-align: left; padding-left: 2px; }
td:first-child { font-weight: 550; }
td.best { font-weight: 700; color: var(--accent); }
td.bad { color: var(--c3); }
.key { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 8px;
  background: var(--c); }
pre { margin: 8px 0 0; padding: 12px 14px; background: var(--page); border-radius: 8px; white-space: pre-wrap;
  overflow-wrap: anywhere; font: 13px/1.55 ui-monospace, "DejaVu Sans Mono", monospace; }
summary { cursor: pointer; font-size: 13.5px; margin-top: 8px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 10px 0 0; font-size: 13.5px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
svg { display: block; width: 100%; max-width: 680px; height: auto; margin: 0 auto;
  font: 12px system-ui, "Segoe UI", Inter, "DejaVu Sans", sans-serif; }
.s0 { --c: var(--c0); } .s1 { --c: var(--c1); } .s2 { --c: var(--c2); } .s3 { --c: var(--c3); }
.s4 { --c: var(--c4); } .s5 { --c: var(--c5); } .s6 { --c: var(--c6); } .s7 { --c: var(--c7); }
.s8 { --c: var(--c8); } .s9 { --c: var(--c9); }
svg .grid { stroke: var(--rule); } svg .axis { stroke: var(--line); }
svg .tick { fill: var(--soft); font-size: 11.5px; } svg .name { fill: var(--soft); font-size: 12px; }
svg .reference { stroke: var(--soft); stroke-dasharray: 3 4; }
svg .curve { fill: none; stroke: var(--c); stroke-width: 1.7; stroke-linejoin: round; stroke-linecap: round; }
svg .dash1 .curve { stroke-dasharray: 7 4; } svg .dash2 .curve { stroke-dasharray: 2 4; }
svg .leader { fill: none; stroke: var(--c); stroke-width: 1; opacity: .55; }
svg .dot, svg .bar { fill: var(--c); } svg .mark { fill: var(--c); stroke: var(--card); stroke-width: 1.5; }
svg .dash1 .mark, svg .dash1 .bar { opacity: .75; } svg .dash2 .mark, svg .dash2 .bar { opacity: .5; }
svg .whisker { stroke: var(--c); stroke-width: 1.5; opacity: .6; }
svg .label { fill: var(--c); font-weight: 500; }
svg .figure { fill: var(--soft); font-variant-numeric: tabular-nums; }
svg .series { transition: opacity .15s; } svg:hover .series { opacity: .25; } svg .series:hover { opacity: 1; }
svg .series:hover .curve { stroke-width: 2.6; }
@media print { svg:hover .series { opacity: 1; } }
)css";

}  // namespace compare
