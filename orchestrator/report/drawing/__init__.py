"""Charts as SVG: pure functions of numbers. Colours are classes, which the page's style fills in."""
