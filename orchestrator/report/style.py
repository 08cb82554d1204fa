"""The style of a study's page."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1b1b1b;--soft:#595959;--line:#dcdcdc;--mark:#f3f6f9;
--c1:#0072b2;--c2:#d55e00;--c3:#009e73;--c4:#cc79a7;--c5:#e69f00;--c6:#56b4e9}
@media screen and (prefers-color-scheme:dark){:root{--paper:#15171a;--ink:#e9e9e9;--soft:#a6a6a6;
--line:#3b3f45;--mark:#20242a;--c1:#3d9bd6}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:1180px;padding:14px;background:var(--paper);color:var(--ink);
font:16px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.25}h2{font-size:1.3rem;margin-top:2.2em;border-bottom:2px solid var(--line)}
h3{font-size:1.05rem;margin:1.8em 0 .4em}p,ul{margin:.5em 0}ul{padding-left:1.2em}
.answer{font-size:1.1rem;background:var(--mark);border-left:4px solid var(--c1);padding:.6em .8em}
.soft,figcaption,.made{color:var(--soft);font-size:.875rem}
code,pre{font:.8125rem/1.5 ui-monospace,monospace}
pre{background:var(--mark);padding:.6em .8em;margin:.4em 0;white-space:pre-wrap}
.made code{display:inline-block}
.wide{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums;overflow-wrap:normal}
th,td{padding:.25em .7em;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child{text-align:left;position:sticky;left:0;background:var(--paper)}
tbody th{font-weight:600}thead th{font-weight:600;border-bottom-width:2px}
td.long{white-space:normal;min-width:16em;text-align:left}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,330px),1fr));gap:22px 20px}
figure{margin:0;min-width:0;max-width:520px;break-inside:avoid}
figure>svg{display:block;width:100%;height:auto}
.key{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.1em 1em;font-size:.875rem}
.key svg{width:22px;height:8px;margin-right:.4em;vertical-align:middle}
svg text{font:12px system-ui,sans-serif;fill:var(--ink)}svg text.small{font-size:11px;fill:var(--soft)}
svg text.cell{font-size:11px}svg text.white{fill:#fff}
svg path{fill:none;stroke:none}svg .axis{stroke:var(--soft);stroke-width:1}
svg .grid{stroke:var(--line);stroke-width:1}
svg .curve{stroke-width:1.8;stroke-linejoin:round}svg .band{fill-opacity:.16}
svg .join{stroke:var(--soft);stroke-width:.7;stroke-opacity:.6}
svg .untold{fill:var(--soft);fill-opacity:.45}
svg .point{fill:var(--c1);fill-opacity:.75}
svg .mean{stroke:var(--c2);stroke-width:2.5}svg .interval{stroke:var(--c2);stroke-width:1.5}
svg .more{fill:#0072b2}svg .less{fill:var(--c2)}
svg .trial{stroke:var(--soft);stroke-width:.9;stroke-opacity:.7}svg .trial-end{fill:var(--soft)}
svg .chosen{stroke:var(--c1);stroke-width:2.4}svg .chosen-end{fill:var(--c1)}
svg .stopped{stroke:var(--c5);stroke-width:2}svg .failed{stroke:var(--c2);stroke-width:2}
svg .c0{stroke:var(--ink)}svg .f0{fill:var(--ink)}
svg .c1{stroke:var(--c1)}svg .f1{fill:var(--c1)}
svg .c2{stroke:var(--c2);stroke-dasharray:7 3}svg .f2{fill:var(--c2)}
svg .c3{stroke:var(--c3);stroke-dasharray:2 2}svg .f3{fill:var(--c3)}
svg .c4{stroke:var(--c4);stroke-dasharray:9 2 2 2}svg .f4{fill:var(--c4)}
svg .c5{stroke:var(--c5);stroke-dasharray:12 3}svg .f5{fill:var(--c5)}
svg .c6{stroke:var(--c6);stroke-dasharray:4 2}svg .f6{fill:var(--c6)}
@page{size:A4;margin:14mm}
@media print{body{max-width:none;padding:0;font-size:10pt}.wide{overflow:visible}
table{font-size:7.5pt}th,td{padding:.2em .4em;white-space:normal}
.grid{grid-template-columns:repeat(2,1fr)}h2,h3{break-after:avoid}tr{break-inside:avoid}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
"""CSS for screens from 390 pixels on, light and dark, and for A4. Colours are those of Okabe and Ito (2008),
which the colour-blind can tell apart; curves also differ in their dashes.
"""
