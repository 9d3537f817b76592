"""The figures as Markdown: medians with half their quartiles' distance, and ratios that were taken round by round."""

import statistics


def text(values, digits):
    """The median, and half the distance between the quartiles."""
    spread = 0.0
    if len(values) > 2:
        low, _, high = statistics.quantiles(values, n=4)
        spread = (high - low) / 2
    return f"{statistics.median(values):.{digits}f} ±{spread:.{digits}f}"


def ratios(found, row, peer, connections, figure):
    """What counts: both were measured in the same round."""
    pairs = zip(found[row, connections], found[peer, connections])
    return [getattr(ours, figure) / getattr(theirs, figure) for ours, theirs in pairs]


def table(stage, found, connections):
    plain, lua = stage.rows[0].name, stage.rows[1].name
    lines = [
        f"### {stage.scheme} upstream, {connections} connection{'s' if connections > 1 else ''}",
        "",
        "| | requests/s | p50, us | p99, us | CPU per request, us | CPU / nginx | CPU / nginx + Lua | p99 / nginx | MiB idle, loaded |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in stage.rows:
        slices = found[row.name, connections]
        column = lambda name: [getattr(one, name) for one in slices]
        cells = [text(column("rate"), 0), text(column("p50"), 0), text(column("p99"), 0), text(column("cpu"), 1)]
        for peer, figure in ((plain, "cpu"), (lua, "cpu"), (plain, "p99")):
            cells.append(text(ratios(found, row.name, peer, connections, figure), 2))
        cells.append(f"{row.idle_mib:.1f}, {max(column('resident')):.1f}")
        lines.append(f"| {row.name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
