"""Plots as SVG. Standard library only."""

import math

WIDTH, HEIGHT, COLUMNS = 320, 220, 3
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 34, 56
COLOURS = ["#1f6f8b", "#c8553d", "#588b3d", "#7a4fa3", "#b8860b", "#444444"]


def growth(points):
    """One panel for each thing that grows: CPU time of gateway and Postgres for one operation."""
    axes = {}
    for point in points:
        if "server" in point:
            lines = axes.setdefault(point["axis"], {})
            cost = point["server"] + point["postgres"]
            lines.setdefault(point["operation"], []).append((max(point["at"], 1), cost))
    rows = math.ceil(len(axes) / COLUMNS) or 1
    columns = min(len(axes), COLUMNS) or 1
    panels = [panel(name, lines, n % COLUMNS * WIDTH, n // COLUMNS * HEIGHT)
              for n, (name, lines) in enumerate(axes.items())]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {columns * WIDTH} {rows * HEIGHT}" '
            'font-family="sans-serif" font-size="10">\n<rect width="100%" height="100%" fill="white"/>\n'
            + "\n".join(panels) + "\n</svg>\n")


def panel(name, lines, left, top):
    """Both axes are logarithmic."""
    every = [point for line in lines.values() for point in line]
    horizontal = scale([at for at, _ in every], LEFT, WIDTH - RIGHT)
    vertical = scale([cost for _, cost in every], HEIGHT - BOTTOM, TOP)
    parts = [f'<g transform="translate({left},{top})">',
             f'<text x="{LEFT}" y="16" font-size="12" font-weight="bold">{name}</text>',
             f'<text x="{LEFT}" y="28" fill="#666">CPU µs for one operation</text>']
    for power in ticks([cost for _, cost in every]):
        y = vertical(power)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
                     f'<text x="{LEFT - 4}" y="{y + 3:.1f}" text-anchor="end">{short(power)}</text>')
    for at in sorted({at for at, _ in every}):
        parts.append(f'<text x="{horizontal(at):.1f}" y="{HEIGHT - BOTTOM + 13}" '
                     f'text-anchor="middle">{short(at)}</text>')
    for n, (operation, line) in enumerate(lines.items()):
        colour = COLOURS[n % len(COLOURS)]
        spots = [(horizontal(at), vertical(cost)) for at, cost in sorted(line)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in spots]
        x, y = LEFT + n % 2 * 130, HEIGHT - BOTTOM + 28 + n // 2 * 12
        parts.append(f'<text x="{x}" y="{y}" fill="{colour}">{operation}</text>')
    return "\n".join(parts) + "\n</g>"


def scale(values, start, end):
    low, high = math.log10(min(values)), math.log10(max(values))
    if high - low < 0.3:
        low, high = low - 0.3, high + 0.3
    return lambda value: start + (math.log10(value) - low) / (high - low) * (end - start)


def ticks(values):
    """Powers of ten, and twice and five times them, within the values."""
    low, high = min(values), max(values)
    if math.log10(high / low) < 0.3:
        low, high = low / 2, high * 2
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = [10 ** power * step for power in powers for step in (1, 2, 5)]
    found = [value for value in every if low <= value <= high]
    return found if len(found) <= 6 else [value for value in found if str(value)[0] == "1"]


def short(value):
    """A number as people write it on an axis."""
    for limit, unit in ((1_000_000, "M"), (1_000, "k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"
