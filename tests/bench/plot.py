"""The picture of a run of bench.py: what a query costs by load and server, and how late answers are.  SVG, by hand."""

import math
from xml.sax.saxutils import escape

PERCENTILES = ("p50", "p90", "p99", "p999", "max")
LABELS = ("p50", "p90", "p99", "p99.9", "worst")
COLOURS = {"quell": "#1f6feb", "dnsmasq": "#d9822b", "unbound": "#3f9d5a", "echo": "#8b949e", "two echoes": "#8b949e",
           "two workers": "#1f6feb", "lists stay": "#8b949e", "lists swapped": "#1f6feb"}
WIDTH, LEFT, RIGHT, BAR, GAP = 760, 170, 90, 14, 14


def text(x, y, what, anchor="start", size=12, weight="normal"):
    return ('<text x="%.1f" y="%.1f" font-size="%d" font-weight="%s" text-anchor="%s" fill="#24292f">%s</text>'
            % (x, y, size, weight, anchor, escape(what)))


def line(x1, y1, x2, y2, colour="#d0d7de"):
    return '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>' % (x1, y1, x2, y2, colour)


def bar(x, y, width, colour):
    return '<rect x="%.1f" y="%.1f" width="%.1f" height="%d" fill="%s"/>' % (x, y, max(width, 1), BAR, colour)


class Scale:
    """us to the right, by their logarithm: from the floor to the worst of the peers is a factor of a thousand."""

    def __init__(self, values):
        values = [v for v in values if v > 0] or [1]
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)

    def x(self, value):
        share = (math.log10(max(value, 10 ** self.low)) - self.low) / (self.high - self.low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def grid(self, top, bottom):
        for power in range(self.low, self.high + 1):
            x = self.x(10 ** power)
            yield line(x, top, x, bottom)
            yield text(x, bottom + 16, "{:,g} us".format(10 ** power), "middle", 11)


def panel(top, title, groups, value_of):
    """Bars: groups is [(label, [(server, value)])].  Returns the lines of it and where it ends."""
    scale = Scale([v for _, bars in groups for _, v in bars])
    y, drawn = top + 30, []
    for label, bars in groups:
        drawn.append(text(LEFT - 10, y + BAR * len(bars) / 2 + 4, label, "end"))
        for server, value in bars:
            drawn.append(bar(LEFT, y, scale.x(value) - LEFT, COLOURS.get(server, "#000000")))
            drawn.append(text(scale.x(value) + 4, y + BAR - 3, "%s %s" % (server, value_of(value)), size=10))
            y += BAR
        y += GAP
    return [text(10, top + 14, title, size=14, weight="bold"), *scale.grid(top + 24, y - GAP / 2), *drawn], y + 24


def draw(results, loads):
    """The whole picture, as text."""
    servers = [name for name in results if name != "echo"]
    costs = []
    for load in loads:
        echo_us = [results[name]["loads"][load]["echo_us"] for name in servers]
        costs.append((load, [("echo", sum(echo_us) / len(echo_us)),
                             *((name, results[name]["loads"][load]["cpu_us"]) for name in servers)]))
    late = [(label, [(name, results[name]["latency"][key]) for name in results])
            for key, label in zip(PERCENTILES, LABELS)]
    drawn, end = [], 0
    if "quell" in results:
        costs += [(load, [("two echoes", of["echo_us"]), ("two workers", of["cpu_us"])])
                  for load, of in results["quell"]["two_workers"].items()]
    panels = [("Processor time for each query (logarithmic)", costs, "{:.2f}".format),
              ("Latency at 2,000 queries a second (logarithmic)", late, "{:,}".format)]
    if "quell" in results:
        of = results["quell"]["swaps"]
        swaps = [(label, [("lists stay", of["still"][key]), ("lists swapped", of["swapped"][key])])
                 for key, label in zip(PERCENTILES, LABELS)]
        panels.append(("Latency of quell at 500 queries a second (logarithmic)", swaps, "{:,}".format))
    for title, groups, value_of in panels:
        more, end = panel(end + 10, title, groups, value_of)
        drawn += more
    return "\n".join(['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%.0f" font-family="sans-serif">' %
                      (WIDTH, end + 10), '<rect width="100%" height="100%" fill="#ffffff"/>', *drawn, "</svg>", ""])
