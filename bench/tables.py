"""Markdown tables."""


def table(out, head, rows):
    """Prints one; the first column is words, the others figures."""
    out("| " + " | ".join(head) + " |\n|" + "|".join(["---"] + ["---:"] * (len(head) - 1)) + "|")
    for cells in rows:
        out("| " + " | ".join(map(str, cells)) + " |")
    out("")
