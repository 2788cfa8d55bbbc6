"""The pieces of an HTML page that stands alone: no script, nothing loaded, light and dark, fit to print.

Whatever is no Html is text, and escaped: what stands in somebody's data must not become part of the page.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from nmt.text.words import differences


@dataclass(frozen=True)
class Html:
    """Markup, with all text in it escaped."""

    markup: str


def escape(value: object) -> str:
    """Markup of any value. Characters that a page must not hold are shown as �."""
    if isinstance(value, Html):
        return value.markup
    return html.escape(re.sub(r"[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\x7f-\x9f]", "�", str(value)))


def join(parts: Sequence[object]) -> Html:
    return Html("\n".join(map(escape, parts)))


def paragraph(*parts: object) -> Html:
    return Html(f"<p>{''.join(map(escape, parts))}</p>")


def code(text: str) -> Html:
    return Html(f"<code>{escape(text)}</code>")


def block(text: str) -> Html:
    return Html(f"<pre>{escape(text)}</pre>")


def table(columns: Sequence[object], rows: Sequence[Sequence[object]]) -> Html:
    """Columns whose cells are all numbers stand to the right, but the first, which says what a row is about."""
    right = [i > 0 and all(isinstance(row[i], str | int | float) and _NUMBER.match(str(row[i])) for row in rows)
             for i in range(len(columns))]  # fmt: skip

    def line(kind: str, cells: Sequence[object]) -> str:
        return "".join(
            f'<{kind} class="n">{escape(c)}</{kind}>' if n else f"<{kind}>{escape(c)}</{kind}>"
            for c, n in zip(cells, right, strict=True)
        )

    body = "\n".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    head = f"<thead><tr>{line('th', columns)}</tr></thead>" if any(columns) else ""
    return Html(f'<div class="wide"><table>{head}<tbody>\n{body}\n</tbody></table></div>')


_NUMBER = re.compile(r"[-+±×\d.,%\s]*$")


def picture(svg: str) -> Html:
    return Html(f"<figure>{svg}</figure>")


def beside(parts: Sequence[Html]) -> Html:
    """Side by side where there is room."""
    return Html('<div class="beside">' + "\n".join(f"<div>{part.markup}</div>" for part in parts) + "</div>")


def marked(ref: str, hyp: str, with_missing: bool = True) -> Html:
    """The translation, with what is not in the reference marked, and what the reference has instead struck out."""
    tags = {"missing": "del", "extra": "ins"}
    parts = []
    for piece in differences(ref, hyp):
        if piece.kind == "missing" and not with_missing:
            continue
        tag = tags.get(piece.kind)
        bare = piece.text.rstrip()
        text = escape(bare)
        parts.append((f"<{tag}>{text}</{tag}>" if tag else text) + escape(piece.text[len(bare) :]))
    return Html("".join(parts).strip())


def tiles(values: Sequence[tuple[str, object]]) -> Html:
    """Numbers to be seen at once: (what, how much)."""
    items = "".join(f"<div><b>{escape(value)}</b><span>{escape(what)}</span></div>" for what, value in values)
    return Html(f'<div class="tiles">{items}</div>')


def page(title: str, subtitle: str, sections: Sequence[tuple[str, Html]]) -> str:
    """The whole document; sections are (heading, body)."""
    links = " ".join(f'<a href="#s{i}">{escape(name)}</a>' for i, (name, _) in enumerate(sections, 1) if name)
    bodies = "\n".join(
        f'<section id="s{i}">{f"<h2>{escape(name)}</h2>" if name else ""}\n{body.markup}\n</section>'
        for i, (name, body) in enumerate(sections, 1)
    )
    return _PAGE.format(title=escape(title), subtitle=escape(subtitle), css=_CSS, links=links, bodies=bodies)


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{css}</style>
</head>
<body>
<header><h1>{title}</h1><p>{subtitle}</p><nav>{links}</nav></header>
<main>
{bodies}
</main>
</body>
</html>
"""

_LIGHT = """--ink: #1c2026; --soft: #5b6470; --paper: #ffffff; --panel: #f4f6f8; --line: #d3d9e0;
  --first: #1f5fb4; --second: #c2570c; --missing: #b3261e; --extra: #16713f;"""
_DARK = """--ink: #e4e8ec; --soft: #9ba6b2; --paper: #14171b; --panel: #1e2329; --line: #3a424c;
  --first: #6aa9f4; --second: #f0a05a; --missing: #f2857d; --extra: #6fcf97;"""
_CSS = f"""
:root {{ color-scheme: light dark; --font: system-ui, "Noto Sans", sans-serif; {_LIGHT} }}
@media (prefers-color-scheme: dark) {{ :root {{ {_DARK} }} }}
body {{ margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 64rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 var(--font); overflow-wrap: break-word; }}
h1 {{ margin: 0; font-size: 1.7rem; }}
h2 {{ margin: 2.5rem 0 .6rem; padding-bottom: .2rem; border-bottom: 1px solid var(--line); font-size: 1.2rem; }}
h3 {{ margin: 1.4rem 0 .4rem; font-size: 1rem; }}
p {{ margin: .4rem 0; max-width: 48rem; }}
ul {{ margin: .6rem 0; padding-left: 1.2rem; max-width: 48rem; }}
header p, .soft {{ color: var(--soft); }}
a {{ color: var(--first); }}
nav a {{ margin-right: .9rem; white-space: nowrap; }}
code, pre {{ font: 13px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; background: var(--panel); }}
code {{ padding: .1rem .25rem; }}
pre {{ padding: .8rem; overflow-x: auto; }}
.wide {{ overflow-x: auto; margin: .6rem 0; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }}
th {{ color: var(--soft); font-weight: 600; }}
.n {{ text-align: right; white-space: nowrap; }}
.code td:last-child {{ min-width: 20rem; font: 12px/1.5 ui-monospace, "DejaVu Sans Mono", monospace;
  overflow-wrap: anywhere; }}
.tiles {{ display: flex; flex-wrap: wrap; gap: .6rem; margin: 1rem 0; }}
.tiles div {{ background: var(--panel); padding: .6rem .9rem; border-radius: .4rem; }}
.tiles b {{ display: block; font-size: 1.3rem; }}
.tiles span {{ color: var(--soft); font-size: .85rem; }}
.beside {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1rem 2rem; }}
.beside > div {{ min-width: 0; }}
figure {{ margin: 0; overflow-x: auto; }}
svg {{ display: block; width: 100%; height: auto; }}
dl {{ margin: .6rem 0 1.2rem; padding: .6rem .9rem; background: var(--panel); border-radius: .4rem; }}
dt {{ color: var(--soft); font-size: .8rem; }}
dd {{ margin: 0 0 .35rem; unicode-bidi: plaintext; }}
del, ins {{ margin: 0 .1em; }}
del {{ color: var(--missing); }}
ins {{ color: var(--extra); font-weight: 600; text-decoration: underline; text-decoration-thickness: 1px; }}
@media print {{
  :root {{ color-scheme: light; {_LIGHT} }}
  body {{ max-width: none; padding: 0; font-size: 11px; }}
  nav {{ display: none; }}
  h2, h3 {{ break-after: avoid; }}
  figure, dl, tr, .tiles {{ break-inside: avoid; }}
  pre, .wide {{ overflow: visible; white-space: pre-wrap; }}
}}
"""
